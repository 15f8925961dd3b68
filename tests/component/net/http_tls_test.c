/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/http_curl.h"
#include "net/loop.h"
#include "net/loop_base.h"
#include "support/net/test_ca.h"
#include "support/net/test_server.h"

/* Under valgrind it takes ten seconds to read the system's certificates. */
#define DEADLINE_MS 60000

struct world {
    struct loop *loop;
    struct http *http;
    struct test_ca *ca;
    struct test_ca *other_ca;
    struct test_server *server;
    bool failed;
    long status;
    bool reused;
    struct err err;
};

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    world->loop = loop_new(NULL);
    world->http = http_curl_new(world->loop, "0");
    world->ca = test_ca_new();
    world->other_ca = test_ca_new();
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    http_curl_free(world->http);
    test_server_free(world->server);
    test_ca_free(world->ca);
    test_ca_free(world->other_ca);
    loop_free(world->loop);
    free(world);
    return 0;
}

static void serve(struct world *world, const char *name, const char *client_ca_pem)
{
    struct test_cert cert;
    test_ca_issue(world->ca, name, &cert);
    world->server = test_server_new(loop_event_base(world->loop), &cert, client_ca_pem);
    test_cert_fini(&cert);
}

static void on_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct world *world = arg;
    world->failed = err != NULL;
    world->status = response ? response->status : 0;
    world->reused = response && response->connection_was_reused;
    if (err)
        world->err = *err;
    loop_stop(world->loop);
}

static void fetch(struct world *world, const char *host, const struct http_tls *tls)
{
    struct http_request request = {.method = "GET",
                                   .url = test_server_url(world->server, host, "/"),
                                   .proxy = "",
                                   .connect_timeout_ms = DEADLINE_MS,
                                   .timeout_ms = DEADLINE_MS,
                                   .tls = tls};
    http_start(world->http, &request, on_done, world);
    loop_run(world->loop);
}

static void a_server_of_the_right_ca_is_trusted(void **state)
{
    struct world *world = *state;
    serve(world, "127.0.0.1", NULL);
    struct http_tls tls = {.ca_pem = test_ca_pem(world->ca)};
    fetch(world, "127.0.0.1", &tls);
    assert_false(world->failed);
    assert_int_equal(world->status, 200);
    fetch(world, "127.0.0.1", &tls);
    assert_true(world->reused);
}

static void a_server_of_another_ca_is_denied(void **state)
{
    struct world *world = *state;
    serve(world, "127.0.0.1", NULL);
    struct http_tls tls = {.ca_pem = test_ca_pem(world->other_ca)};
    fetch(world, "127.0.0.1", &tls);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
    assert_int_equal(test_server_requests(world->server), 0);
}

static void the_system_does_not_trust_a_ca_of_the_tests(void **state)
{
    struct world *world = *state;
    serve(world, "127.0.0.1", NULL);
    fetch(world, "127.0.0.1", NULL);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
}

static void a_certificate_for_another_name_is_denied(void **state)
{
    struct world *world = *state;
    serve(world, "kubernetes.default.svc", NULL);
    struct http_tls tls = {.ca_pem = test_ca_pem(world->ca)};
    fetch(world, "127.0.0.1", &tls);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
}

static void the_server_name_is_what_is_verified(void **state)
{
    struct world *world = *state;
    serve(world, "kubernetes.default.svc", NULL);
    struct http_tls tls = {.ca_pem = test_ca_pem(world->ca),
                           .server_name = "kubernetes.default.svc"};
    fetch(world, "127.0.0.1", &tls);
    assert_false(world->failed);
    CLEANUP(freep)
    char *host = xasprintf("\r\nHost: 127.0.0.1:%d\r\n", test_server_port(world->server));
    assert_non_null(strstr(test_server_request(world->server), host));

    tls.server_name = "kubernetes.other.svc";
    fetch(world, "127.0.0.1", &tls);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
}

static void insecure_verifies_nothing(void **state)
{
    struct world *world = *state;
    serve(world, "kubernetes.default.svc", NULL);
    struct http_tls tls = {.insecure = true};
    fetch(world, "127.0.0.1", &tls);
    assert_false(world->failed);
    assert_int_equal(world->status, 200);
    /* and its connection is not lent to those who verify */
    struct http_tls strict = {.ca_pem = test_ca_pem(world->ca)};
    fetch(world, "127.0.0.1", &strict);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
}

static void a_client_certificate_is_shown(void **state)
{
    struct world *world = *state;
    serve(world, "127.0.0.1", test_ca_pem(world->ca));
    struct test_cert client;
    test_ca_issue(world->ca, "admin", &client);
    struct http_tls tls = {.ca_pem = test_ca_pem(world->ca),
                           .client_cert_pem = client.cert_pem,
                           .client_key_pem = client.key_pem};
    fetch(world, "127.0.0.1", &tls);
    assert_false(world->failed);
    assert_int_equal(world->status, 200);
    test_cert_fini(&client);

    struct http_tls anonymous = {.ca_pem = test_ca_pem(world->ca)};
    fetch(world, "127.0.0.1", &anonymous);
    assert_true(world->failed);
}

static void a_client_certificate_without_its_key_is_denied(void **state)
{
    struct world *world = *state;
    serve(world, "127.0.0.1", NULL);
    struct test_cert client;
    struct test_cert other;
    test_ca_issue(world->ca, "admin", &client);
    test_ca_issue(world->ca, "other", &other);
    struct http_tls tls = {.ca_pem = test_ca_pem(world->ca),
                           .client_cert_pem = client.cert_pem,
                           .client_key_pem = other.key_pem};
    fetch(world, "127.0.0.1", &tls);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
    tls.client_key_pem = "not a key";
    fetch(world, "127.0.0.1", &tls);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
    test_cert_fini(&client);
    test_cert_fini(&other);
}

static void a_changed_ca_needs_a_new_connection(void **state)
{
    struct world *world = *state;
    serve(world, "127.0.0.1", NULL);
    struct http_tls tls = {.ca_pem = test_ca_pem(world->ca)};
    fetch(world, "127.0.0.1", &tls);
    assert_false(world->failed);
    tls.ca_pem = test_ca_pem(world->other_ca);
    fetch(world, "127.0.0.1", &tls);
    assert_true(world->failed);
}

static void stop(void *arg)
{
    struct world *world = arg;
    loop_stop(world->loop);
}

static void plain_http_where_tls_is_spoken_is_transient(void **state)
{
    struct world *world = *state;
    world->server = test_server_new(loop_event_base(world->loop), NULL, NULL);
    CLEANUP(freep)
    char *url = xasprintf("https://127.0.0.1:%d/", test_server_port(world->server));
    struct http_request request = {.method = "GET",
                                   .url = url,
                                   .proxy = "",
                                   .connect_timeout_ms = DEADLINE_MS,
                                   .timeout_ms = DEADLINE_MS};
    http_start(world->http, &request, on_done, world);
    /* The server waits for the end of a head that never comes: end it. */
    struct loop_timer *timer = loop_timer_new(world->loop, stop, world);
    loop_timer_arm(timer, 50);
    loop_run(world->loop);
    test_server_end(world->server, TEST_CLOSE);
    loop_timer_disarm(timer);
    loop_run(world->loop);
    loop_timer_free(timer);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_TRANSIENT);
}

static void write_file(const char *directory, const char *name, const char *text)
{
    CLEANUP(freep) char *path = xasprintf("%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Makes a CA the only one that the system trusts, in its bundle and by the hash of its name, for
 * this process and until its end. */
static bool make_the_system_trust(const char *ca_pem)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    if (!curl->capath || unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) < 0 ||
        mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", curl->capath, "tmpfs", 0, NULL) < 0)
        return false;
    BIO *text = BIO_new_mem_buf(ca_pem, -1);
    X509 *ca = PEM_read_bio_X509(text, NULL, NULL, NULL);
    assert_non_null(ca);
    CLEANUP(freep) char *name = xasprintf("%08lx.0", X509_subject_name_hash(ca));
    X509_free(ca);
    BIO_free(text);
    write_file(curl->capath, name, ca_pem);
    const char *bundle = curl->cainfo ? strrchr(curl->cainfo, '/') : NULL;
    if (bundle && strncmp(curl->cainfo, curl->capath, (size_t)(bundle - curl->cainfo)) == 0)
        write_file(curl->capath, bundle + 1, ca_pem);
    return true;
}

/* The last one: what the system trusts is changed for good. */
static void a_ca_that_is_given_takes_the_place_of_the_systems(void **state)
{
    struct world *world = *state;
    if (!make_the_system_trust(test_ca_pem(world->ca)))
        skip();
    serve(world, "127.0.0.1", NULL);
    fetch(world, "127.0.0.1", NULL);
    assert_false(world->failed);
    struct http_tls tls = {.ca_pem = test_ca_pem(world->other_ca)};
    fetch(world, "127.0.0.1", &tls);
    assert_true(world->failed);
    assert_int_equal(world->err.class, ERR_DENIED);
    assert_int_equal(test_server_requests(world->server), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_server_of_the_right_ca_is_trusted),
        TEST(a_server_of_another_ca_is_denied),
        TEST(the_system_does_not_trust_a_ca_of_the_tests),
        TEST(a_certificate_for_another_name_is_denied),
        TEST(the_server_name_is_what_is_verified),
        TEST(insecure_verifies_nothing),
        TEST(a_client_certificate_is_shown),
        TEST(a_client_certificate_without_its_key_is_denied),
        TEST(a_changed_ca_needs_a_new_connection),
        TEST(plain_http_where_tls_is_spoken_is_transient),
        TEST(a_ca_that_is_given_takes_the_place_of_the_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
