/* SPDX-License-Identifier: Apache-2.0 */
#include "core/normalise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

/* Texts are written with ' for ". */
static char *quoted(const char *text)
{
    char *copy = xstrdup(text);
    for (char *at = copy; *at; at++)
        *at = (char)(*at == '\'' ? '"' : *at);
    return copy;
}

struct row {
    enum api_family family;
    const char *wanted;
    const char *shown; /* NULL: everything may be seen */
    const char *found;
    const char *want_wanted; /* what is left; NULL: both are equal */
    const char *want_found;
};

static void check_side(json_t *tree, const char *want)
{
    CLEANUP(freep) char *text = json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS);
    CLEANUP(freep) char *expected = quoted(want);
    assert_string_equal(text, expected);
}

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(freep) char *wanted = quoted(rows[i].wanted);
        CLEANUP(freep) char *shown = rows[i].shown ? quoted(rows[i].shown) : NULL;
        CLEANUP(freep) char *found = quoted(rows[i].found);
        struct normalise_sides sides = {
            .wanted = {wanted, strlen(wanted)},
            .shown = {shown, shown ? strlen(shown) : 0},
            .found = {found, strlen(found)},
            .family = rows[i].family,
        };
        json_t *ours;
        json_t *theirs;
        assert_int_equal(normalise(&sides, &ours, &theirs, NULL), 0);
        if (rows[i].want_wanted) {
            check_side(ours, rows[i].want_wanted);
            check_side(theirs, rows[i].want_found);
        } else if (!json_equal(ours, theirs)) {
            CLEANUP(freep) char *text = json_dumps(theirs, JSON_COMPACT | JSON_SORT_KEYS);
            fail_msg("row %zu differs: %s", i, text);
        }
        json_decref(ours);
        json_decref(theirs);
    }
}

static void zero_and_absent_are_the_same(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {API_CLASSIC, "{'name':'a'}", NULL,
         "{'name':'a','slug':'','active':false,'port':0,'tags':null,'auth':{'x':'','y':{'z':[]}},"
         "'timeout':'0s','rate':0.0}",
         NULL, NULL},
        {API_CLASSIC, "{'name':'a','slug':'','tags':[]}", NULL,
         "{'name':'a','slug':null,'tags':null}", NULL, NULL},
        {API_CLASSIC, "{'active':true}", NULL, "{'active':false}", "{'active':true}",
         "{'active':false}"},
        {API_CLASSIC, "{'active':false}", NULL, "{'active':true}", "{'active':false}",
         "{'active':true}"},
        {API_CLASSIC, "{'name':'a'}", NULL, "{'name':'a','slug':'s'}", "{'name':'a'}",
         "{'name':'a','slug':'s'}"},
        {API_CLASSIC, "{'a':[{'p':'x'}]}", NULL, "{'a':[{'p':'x','q':''}]}", NULL, NULL},
        {API_CLASSIC, "{'a':['']}", NULL, "{'a':[]}", "{'a':['']}", "{'a':[]}"},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void markers_are_left_out(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {API_CLASSIC, "{'name':'a'}", NULL, "{'name':'a','config_data':{'grapnel':{'v':1}}}", NULL,
         NULL},
        {API_CLASSIC, "{'config_data':{'k':1}}", NULL, "{'config_data':{'grapnel':{'v':1},'k':1}}",
         NULL, NULL},
        {API_OAS, "{'openapi':'3.0.3'}", NULL, "{'openapi':'3.0.3','x-grapnel':{'v':1}}", NULL,
         NULL},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void values_in_other_words(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {API_CLASSIC, "{'rate':1.0,'big':9007199254740993}", NULL,
         "{'rate':1,'big':9007199254740992}", NULL, NULL},
        {API_CLASSIC, "{'proxy':{'listen_path':'/a/../b/'}}", NULL,
         "{'proxy':{'listen_path':'/b/'}}", NULL, NULL},
        {API_CLASSIC, "{'proxy':{'listen_path':'/a/'}}", NULL, "{'proxy':{'listen_path':'/a/-id'}}",
         "{'proxy':{'listen_path':'/a/'}}", "{'proxy':{'listen_path':'/a/-id'}}"},
        {API_CLASSIC, "{'tag_headers':['X-One']}", NULL, "{'tag_headers':['x-one']}", NULL, NULL},
        {API_CLASSIC, "{'proxy':{'transport':{'ssl_max_version':772}}}", NULL,
         "{'proxy':{'transport':{'ssl_max_version':771}}}", NULL, NULL},
        {API_CLASSIC, "{'proxy':{'target_url':'env://UPSTREAM'}}", NULL,
         "{'proxy':{'target_url':'http://u/'}}", NULL, NULL},
        {API_CLASSIC, "{'is_oas':true,'a':1}", NULL, "{'is_oas':false,'a':1}", NULL, NULL},
        {API_OAS, "{'x-tyk-api-gateway':{'server':{'listenPath':{'value':'//a/'}}}}", NULL,
         "{'x-tyk-api-gateway':{'server':{'listenPath':{'value':'/a/'}}}}", NULL, NULL},
    };
    check(rows, ARRAY_LENGTH(rows));
}

#define SERVER(handlers) "{'x-tyk-api-gateway':{'server':{'eventHandlers':[" handlers "]}}}"

static void handlers_of_oas(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* across triggers in any order, within one as they are */
        {API_OAS,
         SERVER("{'trigger':'B','url':'1'},{'trigger':'A','url':'2'},{'trigger':'B','url':'3'}"),
         NULL,
         SERVER("{'trigger':'A','url':'2'},{'trigger':'B','url':'1'},{'trigger':'B','url':'3'}"),
         NULL, NULL},
        {API_OAS, SERVER("{'trigger':'B','url':'1'},{'trigger':'B','url':'3'}"), NULL,
         SERVER("{'trigger':'B','url':'3'},{'trigger':'B','url':'1'}"),
         SERVER("{'trigger':'B','url':'1'},{'trigger':'B','url':'3'}"),
         SERVER("{'trigger':'B','url':'3'},{'trigger':'B','url':'1'}")},
        {API_OAS, SERVER("{'type':'webhook','cooldownPeriod':'90s','bodyTemplate':'','x':1}"), NULL,
         SERVER("{'type':'webhook','cooldownPeriod':'1m30s'}"), NULL, NULL},
        {API_OAS,
         SERVER("{'headers':[{'name':'B','value':'1'},{'name':'A','value':'2'},{'name':'B',"
                "'value':'3'}]}"),
         NULL, SERVER("{'headers':[{'name':'A','value':'2'},{'name':'B','value':'3'}]}"), NULL,
         NULL},
        {API_OAS, SERVER("{'type':'log','name':'n','id':'i','logPrefix':'p'}"), NULL,
         SERVER("{'type':'log','name':'p','logPrefix':'p'}"), NULL, NULL},
        {API_OAS, SERVER("{'type':'custom','name':'n','functionName':'f'}"), NULL,
         SERVER("{'type':'custom','name':'f','functionName':'f'}"), NULL, NULL},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void servers_of_oas(void **state)
{
    (void)state;
#define PATH "'x-tyk-api-gateway':{'server':{'listenPath':{'value':'/a/'}}}"
    static const struct row rows[] = {
        {API_OAS, "{" PATH "}", NULL,
         "{'servers':[{'url':'http://gw:8080/a'},{'url':'/a'}]," PATH "}", NULL, NULL},
        {API_OAS, "{'servers':[{'url':'https://b/'},{'url':'/a/'}]," PATH "}", NULL,
         "{'servers':[{'url':'http://gw/a'},{'url':'/a'},{'url':'https://b/'}]," PATH "}", NULL,
         NULL},
        {API_OAS, "{'servers':[{'url':'https://b/'}]," PATH "}", NULL,
         "{'servers':[{'url':'http://gw/a'},{'url':'https://old/'}]," PATH "}",
         "{'servers':[{'url':'https://b/'}]," PATH "}",
         "{'servers':[{'url':'https://old/'}]," PATH "}"},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void keys_that_the_gateway_does_not_know(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {API_CLASSIC, "{'name':'a','hook_references':[1],'proxy':{'unknown':1,'target_url':'u'}}",
         NULL, "{'name':'a','proxy':{'target_url':'u'}}", NULL, NULL},
        /* not shown while empty, yet known */
        {API_CLASSIC, "{'name':'a','expiration':'2030'}", NULL, "{'name':'a'}",
         "{'expiration':'2030','name':'a'}", "{'name':'a'}"},
        {API_CLASSIC,
         "{'event_handlers':{'events':{'E':[{'handler_name':'h','x':1,'handler_meta':{'x':1}}]}}}",
         NULL, "{'event_handlers':{'events':{'E':[{'handler_name':'h','handler_meta':{'x':1}}]}}}",
         NULL, NULL},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void elements_are_aligned_by_what_is_equal(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {API_CLASSIC, "{'p':[{'n':'new'},{'n':'a'},{'n':'b'}]}", NULL,
         "{'p':[{'n':'a','z':0},{'n':'b','z':0}]}", "{'p':[{'n':'new'},{'n':'a'},{'n':'b'}]}",
         "{'p':[{'n':'a'},{'n':'b'}]}"},
        {API_CLASSIC, "{'p':[{'n':'a'},{'n':'c','on':true}]}", NULL,
         "{'p':[{'n':'a','on':false},{'n':'b','on':false},{'n':'c','on':false}]}",
         "{'p':[{'n':'a'},{'n':'c','on':true}]}",
         "{'p':[{'n':'a'},{'n':'b','on':false},{'n':'c'}]}"},
        {API_CLASSIC, "{'p':['a','b','c','d']}", NULL, "{'p':['b','x','d','e']}",
         "{'p':['a','b','c','d']}", "{'p':['b','x','d','e']}"},
        {API_CLASSIC, "{'p':[1]}", NULL, "{'p':{'a':1}}", "{'p':[1]}", "{'p':{'a':1}}"},
        {API_CLASSIC, "{'p':'t'}", NULL, "{'p':[{'a':1,'b':0}]}", "{'p':'t'}", "{'p':[{'a':1}]}"},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void what_may_be_secret_is_hidden(void **state)
{
    (void)state;
#define META(fields) "{'event_handlers':{'events':{'E':[{'handler_meta':{" fields "}}]}}}"
    static const struct row rows[] = {
        /* the same secret on both sides */
        {API_CLASSIC, META("'header_map':{'A':'hush'}"), META("'header_map':{'A':'<secret x>'}"),
         META("'header_map':{'A':'hush'}"), META("'header_map':{'A':'<secret x>'}"),
         META("'header_map':{'A':'<secret x>'}")},
        /* another one */
        {API_CLASSIC, META("'header_map':{'A':'hush'}"), META("'header_map':{'A':'<secret x>'}"),
         META("'header_map':{'A':'old'}"), META("'header_map':{'A':'<secret x>'}"),
         META("'header_map':{'A':'<hidden, differs>'}")},
        /* one that is not wanted any more */
        {API_CLASSIC, META("'name':'n'"), META("'name':'n'"),
         META("'name':'n','header_map':{'A':'old'}"), META("'name':'n'"),
         META("'header_map':{'A':'<hidden, differs>'},'name':'n'")},
        {API_CLASSIC, META("'target_path':'http://a/x'"), META("'target_path':'http://a/x'"),
         META("'target_path':'https://b/old?k'"), META("'target_path':'http://a/x'"),
         META("'target_path':'https://b/<hidden, differs>'")},
        {API_CLASSIC, META("'target_path':'http://a/x'"), META("'target_path':'http://a/x'"),
         META("'target_path':'http://u:p@b'"), META("'target_path':'http://a/x'"),
         META("'target_path':'http://<hidden, differs>'")},
        {API_OAS, SERVER("{'headers':[{'name':'A','value':'v'}],'url':'u'}"),
         SERVER("{'headers':[{'name':'A','value':'v'}],'url':'u'}"),
         SERVER("{'headers':[{'name':'A','value':'old'}],'url':'old'}"),
         SERVER("{'headers':[{'name':'A','value':'v'}],'url':'u'}"),
         SERVER(
             "{'headers':[{'name':'A','value':'<hidden, differs>'}],'url':'<hidden, differs>'}")},
        /* by the name of the key, on both sides */
        {API_CLASSIC, "{'auth':{'clientSecret':'one','api_key':'k'}}",
         "{'auth':{'clientSecret':'one','api_key':'k'}}",
         "{'auth':{'clientSecret':'two','api_key':'k'}}",
         "{'auth':{'api_key':'<hidden>','clientSecret':'<hidden>'}}",
         "{'auth':{'api_key':'<hidden>','clientSecret':'<hidden, differs>'}}"},
        /* what the gateway has looked up */
        {API_CLASSIC, "{'proxy':{'target_url':'$secret_u'}}",
         "{'proxy':{'target_url':'$secret_u'}}", "{'proxy':{'target_url':'http://hush/'}}",
         "{'proxy':{'target_url':'$secret_u'}}", "{'proxy':{'target_url':'$secret_u'}}"},
        /* elsewhere addresses are plain */
        {API_CLASSIC, "{'proxy':{'target_url':'http://a/'}}",
         "{'proxy':{'target_url':'http://a/'}}", "{'proxy':{'target_url':'http://b/'}}",
         "{'proxy':{'target_url':'http://a/'}}", "{'proxy':{'target_url':'http://b/'}}"},
    };
    check(rows, ARRAY_LENGTH(rows));
}

static void what_is_no_object_is_an_error(void **state)
{
    (void)state;
    struct normalise_sides sides = {.wanted = {"{}", 2}, .found = {"[]", 2}, .family = API_CLASSIC};
    json_t *ours;
    json_t *theirs;
    struct err err;
    assert_int_equal(normalise(&sides, &ours, &theirs, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_and_absent_are_the_same),
        cmocka_unit_test(markers_are_left_out),
        cmocka_unit_test(values_in_other_words),
        cmocka_unit_test(handlers_of_oas),
        cmocka_unit_test(servers_of_oas),
        cmocka_unit_test(keys_that_the_gateway_does_not_know),
        cmocka_unit_test(elements_are_aligned_by_what_is_equal),
        cmocka_unit_test(what_may_be_secret_is_hidden),
        cmocka_unit_test(what_is_no_object_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
