/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/service_endpoints.h"

static struct object *object(enum object_kind kind, const char *json)
{
    CLEANUP(freep) char *text = xstrdup(json);
    for (char *at = text; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    struct object *made = NULL;
    assert_int_equal(object_new(kind, (struct span){text, strlen(text)}, NULL, &made, NULL), 0);
    return made;
}

static struct object *service(const char *spec)
{
    CLEANUP(freep)
    char *json = xasprintf("{'metadata':{'name':'gw','namespace':'tyk'},'spec':{%s}}", spec);
    return object(OBJECT_SERVICE, json);
}

static struct object *slice(const char *name, const char *rest)
{
    CLEANUP(freep)
    char *json = xasprintf("{'metadata':{'name':'%s','namespace':'tyk'},%s}", name, rest);
    return object(OBJECT_ENDPOINTSLICE, json);
}

static const char control_ports[] =
    "'ports':[{'name':'http','port':80},{'name':'control','port':9696}]";

static void named_and_numeric_ports_lead_to_the_pods_port(void **state)
{
    (void)state;
    CLEANUP(object_unrefp) struct object *gw = service(control_ports);
    CLEANUP(object_unrefp)
    struct object *pods =
        slice("a", "'addressType':'IPv4','ports':[{'name':'http','port':8080},{'name':'control',"
                   "'port':9999}],'endpoints':[{'addresses':['10.0.0.2'],'conditions':{'ready':"
                   "true},'targetRef':{'kind':'Pod','name':'gw-1','uid':'u1'}}]");
    const struct object *slices[] = {pods};
    static const char *const ports[] = {"control", "9696"};
    for (size_t i = 0; i < ARRAY_LENGTH(ports); i++) {
        struct service_endpoints found;
        struct service_target target = {.service = gw, .port = ports[i]};
        service_endpoints_read(&target, slices, 1, &found);
        assert_int_equal(found.count, 1);
        assert_string_equal(found.items[0].url, "http://10.0.0.2:9999");
        assert_string_equal(found.items[0].id, "u1 http:9999");
        assert_string_equal(found.items[0].pod, "gw-1");
        assert_true(found.items[0].ready);
        service_endpoints_fini(&found);
    }
}

static void another_port_of_a_pod_is_another_gateway(void **state)
{
    (void)state;
    CLEANUP(object_unrefp) struct object *gw = service(control_ports);
    CLEANUP(object_unrefp)
    struct object *pods = slice(
        "a", "'addressType':'IPv4','ports':[{'name':'http','port':8080},{'name':'control',"
             "'port':9999}],'endpoints':[{'addresses':['10.0.0.2'],'targetRef':{'uid':'u1'}}]");
    const struct object *slices[] = {pods};
    const struct service_target targets[] = {{.service = gw, .port = "control"},
                                             {.service = gw, .port = "http"},
                                             {.service = gw, .port = "http", .https = true}};
    struct service_endpoints found[ARRAY_LENGTH(targets)];
    for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
        service_endpoints_read(&targets[i], slices, 1, &found[i]);
        assert_int_equal(found[i].count, 1);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(found[i].items[0].id, found[j].items[0].id);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(targets); i++)
        service_endpoints_fini(&found[i]);
}

static void a_port_that_is_not_there_or_not_said_is_a_problem(void **state)
{
    (void)state;
    CLEANUP(object_unrefp) struct object *gw = service(control_ports);
    struct service_endpoints found;
    service_endpoints_read(&(struct service_target){.service = gw, .port = "nope"}, NULL, 0,
                           &found);
    assert_string_equal(found.problem, "Service tyk/gw has no port nope");
    service_endpoints_fini(&found);
    service_endpoints_read(&(struct service_target){.service = gw}, NULL, 0, &found);
    assert_string_equal(found.problem, "Service tyk/gw has several ports: say which one");
    service_endpoints_fini(&found);
}

static void slices_wait_for_their_service(void **state)
{
    (void)state;
    CLEANUP(object_unrefp)
    struct object *pods = slice("a", "'addressType':'IPv4','ports':[{'port':8080}],'endpoints':[{"
                                     "'addresses':['10.0.0.2']}]");
    const struct object *slices[] = {pods};
    struct service_endpoints found;
    service_endpoints_read(&(struct service_target){.port = "80"}, slices, 1, &found);
    assert_int_equal(found.count, 0);
    assert_null(found.problem);
    service_endpoints_fini(&found);
}

static void terminating_pods_do_not_count_and_unready_ones_are_marked(void **state)
{
    (void)state;
    CLEANUP(object_unrefp) struct object *gw = service("'ports':[{'port':80}]");
    CLEANUP(object_unrefp)
    struct object *pods = slice(
        "a",
        "'addressType':'IPv4','ports':[{'name':'','port':8080}],'endpoints':["
        "{'addresses':['10.0.0.1'],'conditions':{'ready':false,'terminating':true},'targetRef':"
        "{'uid':'u1'}},{'addresses':['10.0.0.2'],'conditions':{'ready':false},'targetRef':{"
        "'uid':'u2'}},{'addresses':['10.0.0.3'],'conditions':{},'targetRef':{'uid':'u3'}}]");
    const struct object *slices[] = {pods};
    struct service_endpoints found;
    service_endpoints_read(&(struct service_target){.service = gw}, slices, 1, &found);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.items[0].id, "u2 http:8080");
    assert_false(found.items[0].ready);
    assert_true(found.items[1].ready);
    service_endpoints_fini(&found);
}

static void a_pod_in_several_slices_counts_once_by_the_preferred_family(void **state)
{
    (void)state;
    CLEANUP(object_unrefp)
    struct object *gw = service("'ipFamilies':['IPv6','IPv4'],'ports':[{'port':80}]");
    CLEANUP(object_unrefp)
    struct object *four =
        slice("four", "'addressType':'IPv4','ports':[{'port':8080}],'endpoints':[{"
                      "'addresses':['10.0.0.1'],'targetRef':{'uid':'u1'}}]");
    CLEANUP(object_unrefp)
    struct object *six = slice("six", "'addressType':'IPv6','ports':[{'port':8080}],'endpoints':[{"
                                      "'addresses':['fd00::1'],'targetRef':{'uid':'u1'}}]");
    CLEANUP(object_unrefp)
    struct object *again =
        slice("again", "'addressType':'IPv6','ports':[{'port':8080}],'endpoints':"
                       "[{'addresses':['fd00::1'],'targetRef':{'uid':'u1'}}]");
    const struct object *slices[] = {four, six, again};
    struct service_endpoints found;
    struct service_target target = {.service = gw, .https = true};
    service_endpoints_read(&target, slices, 3, &found);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.items[0].url, "https://[fd00::1]:8080");
    service_endpoints_fini(&found);
}

static void what_is_no_address_of_its_family_is_no_gateway(void **state)
{
    (void)state;
    CLEANUP(object_unrefp) struct object *gw = service("'ports':[{'port':80}]");
    CLEANUP(object_unrefp)
    struct object *four = slice(
        "four", "'addressType':'IPv4','ports':[{'port':8080}],'endpoints':[{'addresses':['a@b']},{"
                "'addresses':['10.0.0.1/x?']},{'addresses':['']},{'addresses':['fd00::1']},{"
                "'addresses':['10.0.0.1']}]");
    CLEANUP(object_unrefp)
    struct object *six =
        slice("six", "'addressType':'IPv6','ports':[{'port':8080}],'endpoints':[{'addresses':["
                     "'fd00::1]x']},{'addresses':['10.0.0.2']}]");
    CLEANUP(object_unrefp)
    struct object *port = slice("port", "'addressType':'IPv4','ports':[{'port':70000}],"
                                        "'endpoints':[{'addresses':['10.0.0.3']}]");
    const struct object *slices[] = {four, six, port};
    struct service_endpoints found;
    service_endpoints_read(&(struct service_target){.service = gw}, slices, 3, &found);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.items[0].url, "http://10.0.0.1:8080");
    service_endpoints_fini(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_and_numeric_ports_lead_to_the_pods_port),
        cmocka_unit_test(another_port_of_a_pod_is_another_gateway),
        cmocka_unit_test(a_port_that_is_not_there_or_not_said_is_a_problem),
        cmocka_unit_test(slices_wait_for_their_service),
        cmocka_unit_test(terminating_pods_do_not_count_and_unready_ones_are_marked),
        cmocka_unit_test(a_pod_in_several_slices_counts_once_by_the_preferred_family),
        cmocka_unit_test(what_is_no_address_of_its_family_is_no_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
