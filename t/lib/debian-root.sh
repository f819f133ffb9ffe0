#!/bin/sh
# debian-root.sh ROOT apache2.deb [PACKAGE ...]
#
# Make a folder into what chroot and dpkg take for a Debian machine with
# apache2: the server's configuration and a2enmod from its package, a dpkg
# database of its own that says of each PACKAGE what this machine's says, and
# for the rest links into /host, where the caller mounts this machine's /.
#
# policy-rc.d notes in /tmp/services what is asked of services, and refuses.
# chown does nothing: a user namespace with one user has no www-data.
set -eu
root=${1:?usage: debian-root.sh ROOT apache2.deb [PACKAGE ...]}
deb=${2:?usage: debian-root.sh ROOT apache2.deb [PACKAGE ...]}
shift 2

mkdir -p "$root/host" "$root/tmp" "$root/run/apache2" "$root/run/lock" \
    "$root/etc/apache2" "$root/var/lib/dpkg/info" \
    "$root/var/lib/dpkg/updates" "$root/usr/bin" "$root/usr/sbin" \
    "$root/usr/include/apache2" "$root/usr/lib/apache2/modules" \
    "$root/usr/share/doc" "$root/usr/share/man/man1"
dpkg-deb -x "$deb" "$root"
mkdir -p "$root/var/log/apache2" "$root/var/www/html"
ln -s /run /run/lock "$root/var"
printf '#!/bin/sh\necho "$@" >> /tmp/services\nexit 101\n' \
    > "$root/usr/sbin/policy-rc.d"
printf '#!/bin/sh\n' > "$root/usr/bin/chown"
chmod 755 "$root/usr/sbin/policy-rc.d" "$root/usr/bin/chown"

# What is in /FOLDER and not in ours becomes a link, but for what is ours alone
# and what `make install` may have left on this machine.
(
    cd "$root"
    find . -type d ! -path './host*' ! -path './tmp*' ! -path './run*' \
        ! -path './var*' ! -path './etc/apache2*'
) | sed 's,^\.,,' | while read -r folder; do
    for path in "$folder"/*; do
        case $path in
        /host | /tmp | /run | /var | *proxyip*) continue ;;
        esac
        [ -e "$root$path" ] || [ -L "$root$path" ] || echo "/host$path"
    done | xargs -r -d '\n' ln -s -t "$root$folder/"
done

for package in "$@"; do
    # Names that other packages provide have no entry.
    ! dpkg-query -s "$package" 2> /dev/null || echo
done > "$root/var/lib/dpkg/status"
