# bash completion for proxyip-check -*- shell-script -*-

# Options that more than one command has; t/guard/check-options.sh looks that
# all are here.
_proxyip_check() {
    local current=${COMP_WORDS[COMP_CWORD]}
    local previous=${COMP_WORDS[COMP_CWORD - 1]}
    local header='--v1 --v2 --src --dst --family --local --tlv --ssl --ssl-cert
        --ssl-verify --ssl-version --ssl-cn --ssl-cipher --ssl-sig-alg
        --ssl-key-alg --ssl-group --ssl-sig-scheme --ssl-client-cert --pad
        --crc32c'
    local types='alpn= authority= unique-id= netns= noop= aws-vpce-id=
        azure-link-id= gcp-psc-id='
    local options='' words=''

    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words='decode send probe listen relay --help --version -h -V'
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return
    fi
    case ${COMP_WORDS[1]} in
    decode) options='--hex --log --formats --max-header --checksum --json' ;;
    send)
        options="$header --twice --no-header --raw --nlb-health-check --split
            --delay --header-only --path --host --bind --timeout --print
            --print-hex --expect -v --body --json"
        ;;
    probe)
        options='--bind --formats --only --path --host --timeout --list --json'
        ;;
    listen) options='-v --hex --json --count --timeout' ;;
    relay) options="$header --strip --timeout -v" ;;
    esac
    case "${COMP_WORDS[1]} $previous" in
    *' --formats') words='v1 v2 v1,v2' ;;
    *' --checksum') words='verify require' ;;
    *' --family') words='tcp4 tcp6 udp4 udp6 unix unknown' ;;
    *' --tlv') words=$types ;;
    *' --only')
        words="good bad open $(proxyip-check probe --list 2> /dev/null |
            cut -d ' ' -f 1)"
        ;;
    'send --raw' | *' --ssl-client-cert')
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    *)
        if [[ $current == -* ]]; then
            words="$options --help -h"
        elif [[ ${COMP_WORDS[1]} == decode ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
        fi
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _proxyip_check proxyip-check
