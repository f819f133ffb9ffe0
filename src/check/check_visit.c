/* Licensed under the Apache License, Version 2.0 (the "License"); you may
 * not use this file except in compliance with the License.  You may obtain
 * a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

/*
 * A connection that listen has taken.
 */

#include "check/check_visit.h"

#include <stdlib.h>

#include "check/check_bytes.h"
#include "check/check_clock.h"
#include "check/check_guess.h"
#include "check/check_object.h"
#include "check/check_show.h"

/* What follows a header, or stands in its place. */
static const uint8_t *payload_of(const check_visit_t *visit, size_t *len)
{
    size_t at = visit->answer.status == PP_DONE ? visit->answer.len : 0;

    *len = visit->len - at;
    return visit->bytes + at;
}

int check_visit_is_right(const check_visit_t *visit)
{
    return visit->answer.status == PP_DONE;
}

/* A bad header, not the absence of one. */
static int is_bad_header(const check_visit_t *visit)
{
    return visit->answer.status == PP_BAD
           && pp_committed_version(visit->bytes, visit->len);
}

void check_visit_read(check_visit_t *visit, apr_time_t now)
{
    if (visit->is_decided) {
        return;
    }
    visit->segments++;
    visit->answer = pp_decode(visit->bytes, visit->len, &check_show_all,
                              &visit->header);
    visit->header_time = now;
    visit->is_decided = visit->answer.status != PP_MORE;
}

int check_visit_is_whole(const check_visit_t *visit)
{
    const uint8_t *payload;
    size_t len;

    if (visit->ended || visit->len == sizeof(visit->bytes)) {
        return 2;
    }
    if (!visit->is_decided) {
        return 0;
    }
    if (is_bad_header(visit)) {
        return 1; /* its end is not known */
    }
    payload = payload_of(visit, &len);
    switch (check_guess(payload, len)) {
    case CHECK_NOTHING:
        return 0;
    case CHECK_HTTP:
    case CHECK_HTTP2:
    case CHECK_TLS:
        return check_guess_is_whole(payload, len) ? 2 : 0;
    case CHECK_HEADER:
    case CHECK_LOWER_HEADER:
    case CHECK_SSH:
    case CHECK_UNKNOWN:
        break;
    }
    return 1;
}

static void print_payload(FILE *out, const check_visit_t *visit)
{
    size_t len;
    const uint8_t *payload = payload_of(visit, &len);

    if (len > 0) {
        fputs("; then ", out);
        check_guess_print(out, payload, len);
        if (check_guess(payload, len) == CHECK_HEADER) {
            fputs(": two hops each add one; mod_proxyip takes the first only",
                  out);
        }
        return;
    }
    if (visit->header.command == PP_LOCAL) {
        fputs("; then nothing: a health check", out);
    }
    else {
        fputs("; then nothing", out);
    }
    fprintf(out, ", %s", visit->ended ? visit->ended : "open");
}

static void print_absence(FILE *out, const check_visit_t *visit)
{
    fputs("no PROXY header", out);
    if (visit->len == 0) {
        fprintf(out, ": nothing came, %s",
                visit->ended ? visit->ended : "open");
        return;
    }
    fputs(", but ", out);
    check_guess_print(out, visit->bytes, visit->len);
}

/* What came, on one line, without its end. */
static void print_line(FILE *out, const check_visit_t *visit)
{
    if (check_visit_is_right(visit)) {
        check_show_line(out, &visit->header, visit->answer.len);
        fprintf(out, "; in %lu segment%s, %ld ms", visit->segments,
                visit->segments == 1 ? "" : "s",
                (long)apr_time_as_msec(visit->header_time - visit->since));
        print_payload(out, visit);
    }
    else if (is_bad_header(visit)
             || (visit->answer.status == PP_MORE && visit->len > 0)) {
        fprintf(out, "v%d header, ", visit->bytes[0] == 'P' ? 1 : 2);
        check_show_fault(out, visit->bytes, visit->len, &visit->answer);
        fprintf(out, "%s%s", visit->ended ? ", " : "",
                visit->ended ? visit->ended : "");
    }
    else {
        print_absence(out, visit);
    }
}

void check_visit_write(FILE *out, const check_visit_t *visit)
{
    check_json_t json = {out, 0};
    char when[CHECK_CLOCK_MAX];

    check_clock_format(when, visit->since);
    check_json_open(&json, NULL, '{');
    check_json_number(&json, "number", (long)visit->number);
    check_json_text(&json, "time", when);
    check_object_header(&json, visit->bytes, visit->len, &visit->answer,
                        &visit->header, &visit->peer);
    check_json_number(&json, "segments", (long)visit->segments);
    check_json_number(&json, "after_ms",
                      visit->segments == 0
                          ? 0
                          : (long)apr_time_as_msec(visit->header_time
                                                   - visit->since));
    check_json_text(&json, "ended", visit->ended);
    check_json_end(&json);
}

void check_visit_print(FILE *out, const check_visit_t *visit,
                       const check_visit_style_t *style)
{
    size_t len = check_visit_is_right(visit) ? visit->answer.len : visit->len;
    int is_meant = visit->len > 0
                   && (visit->answer.status != PP_BAD
                       || is_bad_header(visit));
    char when[CHECK_CLOCK_MAX];

    check_clock_format(when, visit->since);
    fprintf(out, "#%lu ", visit->number);
    check_place_print(out, &visit->peer);
    fprintf(out, " at %s: ", when);
    print_line(out, visit);
    putc('\n', out);
    if (style->shows_hex && len > 0) {
        fputs("hex ", out);
        check_bytes_print_hex(out, visit->bytes,
                              len < PP_V2_MAX ? len : PP_V2_MAX);
        putc('\n', out);
    }
    if (style->is_verbose && is_meant) {
        check_show_header(out, visit->bytes, visit->len, &visit->answer);
        putc('\n', out);
    }
}

/* What goes into the body: the line, and the fields. */
static char *make_body(const check_visit_t *visit, size_t *len)
{
    static const check_visit_style_t all = {1, 0};
    char *body = NULL;
    FILE *out = open_memstream(&body, len);

    if (!out) {
        return NULL;
    }
    check_visit_print(out, visit, &all);
    if (fclose(out) != 0) {
        free(body);
        return NULL;
    }
    return body;
}

/* Only what asks in HTTP is answered.  Of a bad header the end is not known,
 * so neither is whether a request follows; most often one does, as behind a
 * second header. */
void check_visit_answer(const check_visit_t *visit, char **text, size_t *len)
{
    size_t payload_len;
    const uint8_t *payload = payload_of(visit, &payload_len);
    check_guess_t guess = check_guess(payload, payload_len);
    int is_http = guess == CHECK_HTTP;
    size_t body_len = 0;
    char *body;
    FILE *out;

    *text = NULL;
    *len = 0;
    if (!is_http
        && (guess != CHECK_HEADER || visit->answer.status == PP_MORE)) {
        return;
    }
    body = make_body(visit, &body_len);
    out = body ? open_memstream(text, len) : NULL;
    if (out) {
        fprintf(out,
                "HTTP/1.1 %s\r\nContent-Type: text/plain\r\n"
                "Content-Length: %lu\r\nConnection: close\r\n\r\n",
                is_http ? "200 OK" : "400 PROXY header is not right",
                (unsigned long)body_len);
        fwrite(body, 1, body_len, out);
        fclose(out);
    }
    free(body);
}
