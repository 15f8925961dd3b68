/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "kube/kube_config.h"

struct world {
    char folder[64];
    struct kube_config_source source;
    struct kube_config config;
    struct err err;
    char *paths[8];
    size_t path_count;
};

static int setup(void **state)
{
    struct world *world = xcalloc(1, sizeof(*world));
    snprintf(world->folder, sizeof(world->folder), "/tmp/grapnel-config-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < world->path_count; i++) {
        unlink(world->paths[i]);
        rmdir(world->paths[i]);
        free(world->paths[i]);
    }
    assert_int_equal(rmdir(world->folder), 0);
    kube_config_fini(&world->config);
    free(world);
    return 0;
}

/* Borrowed until teardown. */
static const char *write_file(struct world *world, const char *name, const char *text)
{
    char *path = xasprintf("%s/%s", world->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    world->paths[world->path_count++] = path;
    return path;
}

static int load(struct world *world)
{
    kube_config_fini(&world->config);
    return kube_config_load(&world->source, &world->config, &world->err);
}

/* The base of most tests: one context, whose user or cluster the test fills in (YAML in flow
 * style).
 */
static void use(struct world *world, const char *cluster, const char *user)
{
    CLEANUP(freep)
    char *text = xasprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                           "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                           "clusters: [{name: k, cluster: %s}]\n"
                           "users: [{name: u, user: %s}]\n",
                           cluster, user);
    world->source.kubeconfig = write_file(world, "config", text);
}

static void expect_fault(struct world *world, enum err_class class, const char *part)
{
    assert_int_equal(load(world), -1);
    if (!strstr(world->err.msg, part))
        fail_msg("\"%s\" is not in \"%s\"", part, world->err.msg);
    assert_int_equal(world->err.class, class);
}

static void a_pod_gets_server_and_identity_from_its_files(void **state)
{
    struct world *world = *state;
    world->source.service_account = world->folder;
    world->source.service_host = "10.0.0.1";
    world->source.service_port = "443";
    write_file(world, "token", "tok\n");
    write_file(world, "namespace", "grapnel-system\n");
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.server, "https://10.0.0.1:443");
    assert_string_equal(world->config.ns, "grapnel-system");
    assert_non_null(strstr(world->config.token_file, "/token"));
    assert_non_null(strstr(world->config.ca_file, "/ca.crt"));
    assert_null(world->config.token);
    world->source.service_host = "fd00::1";
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.server, "https://[fd00::1]:443");
}

static void a_named_file_or_context_leaves_the_cluster_out(void **state)
{
    struct world *world = *state;
    world->source.service_account = world->folder;
    world->source.service_host = "10.0.0.1";
    world->source.service_port = "443";
    write_file(world, "token", "tok");
    write_file(world, "namespace", "ns");
    use(world, "{server: https://k}", "{token: t}");
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.server, "https://k");
    world->source.kubeconfig_list = world->source.kubeconfig;
    world->source.kubeconfig = NULL;
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.server, "https://10.0.0.1:443");
    world->source.context = "c";
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.server, "https://k");
}

static void a_pod_without_service_account_may_have_a_kubeconfig(void **state)
{
    struct world *world = *state;
    use(world, "{server: https://k}", "{token: t}");
    world->source.kubeconfig_list = world->source.kubeconfig;
    world->source.kubeconfig = NULL;
    world->source.service_account = world->folder;
    world->source.service_host = "10.0.0.1";
    world->source.service_port = "443";
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.server, "https://k");
    /* but an empty token is a fault of the pod */
    write_file(world, "token", " \n");
    expect_fault(world, ERR_INVALID, "/token: empty");
}

static void a_context_names_cluster_user_and_namespace(void **state)
{
    struct world *world = *state;
    world->source.kubeconfig = write_file(
        world, "config",
        "current-context: one\n"
        "contexts:\n"
        "- {name: one, context: {cluster: a, user: u, namespace: team}}\n"
        "- {name: two, context: {cluster: b, user: v}}\n"
        "- {name: three, context: {cluster: b}}\n"
        "clusters:\n"
        "- name: a\n"
        "  cluster: {server: \"https://a:6443/\", tls-server-name: kubernetes, proxy-url: "
        "\"socks5://p:1080\"}\n"
        "- {name: b, cluster: {server: \"https://b/base//\", insecure-skip-tls-verify: true}}\n"
        "users:\n"
        "- {name: u, user: {token: tu}}\n"
        "- {name: v, user: {username: nn, password: pp}}\n");
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.server, "https://a:6443");
    assert_string_equal(world->config.ns, "team");
    assert_string_equal(world->config.token, "tu");
    assert_string_equal(world->config.server_name, "kubernetes");
    assert_string_equal(world->config.proxy, "socks5://p:1080");
    assert_false(world->config.insecure);

    world->source.context = "two";
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.server, "https://b/base");
    assert_string_equal(world->config.ns, "default");
    assert_string_equal(world->config.username, "nn");
    assert_string_equal(world->config.password, "pp");
    assert_true(world->config.insecure);
    assert_null(world->config.token);

    world->source.context = "three";
    assert_int_equal(load(world), 0);
    assert_null(world->config.username);

    world->source.context = "four";
    expect_fault(world, ERR_NOT_FOUND, "no context \"four\"");
}

static void of_several_files_the_first_that_has_an_entry_wins_whole(void **state)
{
    struct world *world = *state;
    const char *first = write_file(world, "first",
                                   "current-context: \"\"\n"
                                   "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                                   "users: [{name: u, user: {}}]\n");
    const char *second =
        write_file(world, "second",
                   "current-context: c\n"
                   "contexts: [{name: c, context: {cluster: other, user: u, namespace: nn}}]\n"
                   "clusters: [{name: k, cluster: {server: https://second}}]\n"
                   "users: [{name: u, user: {token: t}}]\n");
    CLEANUP(freep)
    char *list = xasprintf(":%s/missing:%s::%s:", world->folder, first, second);
    world->source.kubeconfig_list = list;
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.server, "https://second");
    assert_string_equal(world->config.ns, "default");
    assert_null(world->config.token);
}

static void the_usual_file_in_the_home_is_the_last_resort(void **state)
{
    struct world *world = *state;
    world->source.home = world->folder;
    expect_fault(world, ERR_NOT_FOUND, "no kubeconfig: not in a cluster");
    char *folder = xasprintf("%s/.kube", world->folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    write_file(world, ".kube/config",
               "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
               "clusters: [{name: k, cluster: {server: https://home}}]\n");
    world->paths[world->path_count++] = folder;
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.server, "https://home");
}

static void a_named_file_has_to_be_there_and_to_be_one(void **state)
{
    struct world *world = *state;
    world->source.kubeconfig = "/nonexistent/config";
    expect_fault(world, ERR_NOT_FOUND, "/nonexistent/config: ");
    world->source.kubeconfig = write_file(world, "list", "- a\n");
    expect_fault(world, ERR_INVALID, "a mapping is expected");
    world->source.kubeconfig = write_file(world, "broken", "a: b\nc: [\n");
    expect_fault(world, ERR_INVALID, "broken:");
    world->source.kubeconfig = write_file(world, "empty", "");
    expect_fault(world, ERR_NOT_FOUND, "has no current-context: name one by --context");
    CLEANUP(freep) char *list = xstrdup(world->paths[1]);
    world->source.kubeconfig = NULL;
    world->source.kubeconfig_list = list;
    expect_fault(world, ERR_INVALID, "broken:");
}

static void relative_paths_start_at_their_file(void **state)
{
    struct world *world = *state;
    use(world, "{server: https://k, certificate-authority: pki/ca.crt}",
        "{tokenFile: tok, client-certificate: /abs/c, client-key: k}");
    assert_int_equal(load(world), 0);
    CLEANUP(freep) char *ca = xasprintf("%s/pki/ca.crt", world->folder);
    CLEANUP(freep) char *token = xasprintf("%s/tok", world->folder);
    assert_string_equal(world->config.ca_file, ca);
    assert_string_equal(world->config.token_file, token);
    assert_string_equal(world->config.cert_file, "/abs/c");
}

static void data_wins_over_files(void **state)
{
    struct world *world = *state;
    use(world, "{server: https://k, certificate-authority: f, certificate-authority-data: Q0E=}",
        "{client-certificate: c, client-certificate-data: Q0VSVA==, client-key: k, "
        "client-key-data: S0VZ}");
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.ca_pem, "CA");
    assert_null(world->config.ca_file);
    assert_string_equal(world->config.cert_pem, "CERT");
    assert_null(world->config.cert_file);
    assert_string_equal(world->config.key_pem, "KEY");
    assert_null(world->config.key_file);
}

static void impersonation_is_read(void **state)
{
    struct world *world = *state;
    use(world, "{server: https://k}",
        "{token: t, as: jane, as-uid: \"7\", as-groups: [a, b], as-user-extra: {scopes: [xx, "
        "yy]}}");
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.as, "jane");
    assert_string_equal(world->config.as_uid, "7");
    assert_string_equal(world->config.as_groups[1], "b");
    assert_null(world->config.as_groups[2]);
    assert_string_equal(world->config.as_extra[0].key, "scopes");
    assert_string_equal(world->config.as_extra[0].values[1], "yy");
    assert_null(world->config.as_extra[1].key);
}

static void a_plugin_is_read_with_what_it_is_told(void **state)
{
    struct world *world = *state;
    use(world, "{server: https://k, certificate-authority-data: Q0E=, tls-server-name: nn}",
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/aws, args: [eks, "
        "get-token], env: [{name: A, value: b}], provideClusterInfo: true, interactiveMode: "
        "IfAvailable, installHint: get it}}");
    assert_int_equal(load(world), 0);
    const struct kube_exec *exec = world->config.exec;
    assert_non_null(exec);
    CLEANUP(freep) char *command = xasprintf("%s/bin/aws", world->folder);
    assert_string_equal(exec->command, command);
    assert_string_equal(exec->args[1], "get-token");
    assert_null(exec->args[2]);
    assert_string_equal(exec->env[0], "A=b");
    assert_string_equal(exec->install_hint, "get it");
    assert_string_equal(
        exec->info, "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":"
                    "\"ExecCredential\",\"spec\":{\"interactive\":false,\"cluster\":{\"server\":"
                    "\"https://k\",\"tls-server-name\":\"nn\",\"certificate-authority-data\":"
                    "\"Q0E=\"}}}");
    write_file(world, "ca.crt", "CA");
    use(world, "{server: https://k, certificate-authority: ca.crt}",
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, provideClusterInfo: "
        "true}}");
    assert_int_equal(load(world), 0);
    assert_non_null(strstr(world->config.exec->info, ",\"certificate-authority-data\":\"Q0E=\"}"));
    use(world, "{server: https://k}",
        "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws, args: null}}");
    assert_int_equal(load(world), 0);
    assert_string_equal(world->config.exec->command, "aws");
    assert_null(world->config.exec->args);
    assert_null(strstr(world->config.exec->info, "cluster"));
    use(world, "{server: https://k}",
        "{token: t, exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}}");
    assert_int_equal(load(world), 0);
    assert_null(world->config.exec);
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *cluster;
        const char *user;
        const char *says;
    } bad[] = {
        {"{}", "{}", "config: clusters \"k\": server: an http or https URL is expected"},
        {"{server: 7}", "{}", "server: a string is expected"},
        {"{server: \"k:6443\"}", "{}", "server: an http or https URL is expected"},
        {"{server: https://k, insecure-skip-tls-verify: true, certificate-authority: x}", "{}",
         "insecure-skip-tls-verify: excludes certificate-authority"},
        {"{server: https://k, insecure-skip-tls-verify: \"yes\"}", "{}",
         "insecure-skip-tls-verify: true or false is expected"},
        {"{server: https://k, certificate-authority-data: \"_\"}", "{}",
         "certificate-authority-data: PEM in base64 is expected"},
        {"{server: https://k, certificate-authority-data: QQBB}", "{}",
         "certificate-authority-data: PEM in base64 is expected"},
        {"{server: https://k}", "{token: \"a\\nb\"}", "token: holds a control character"},
        {"{server: https://k}", "{as: j, as-groups: [\"a\\rb\"]}",
         "as-groups: holds a control character"},
        {"{server: https://k, proxy-url: \"ftp://x\"}", "{}",
         "proxy-url: an http, https or socks5"},
        {"{server: https://k}", "{client-certificate-data: Q0E=}",
         "users \"u\": client-key: missing: a certificate needs its key"},
        {"{server: https://k}", "{client-key: x}", "client-certificate: missing"},
        {"{server: https://k}", "{token: t, username: nn}", "username: excludes token"},
        {"{server: https://k}", "{token: [t]}", "token: a string is expected"},
        {"{server: https://k}", "{as-groups: [a]}", "as: missing"},
        {"{server: https://k}", "{as: j, as-groups: a}", "as-groups: a list is expected"},
        {"{server: https://k}", "{as: j, as-groups: [a, {}]}",
         "as-groups: a list of strings is expected"},
        {"{server: https://k}", "{auth-provider: {name: gcp}}",
         "auth-provider: no longer exists in Kubernetes: use the provider's exec plugin"},
        {"{server: https://k}", "{exec: {apiVersion: client.authentication.k8s.io/v1}}",
         "exec.command: missing"},
        {"{server: https://k}",
         "{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}",
         "exec.apiVersion: client.authentication.k8s.io/v1 or v1beta1 is expected"},
        {"{server: https://k}",
         "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: "
         "Always}}",
         "exec.interactiveMode: needs a terminal"},
        {"{server: https://k}",
         "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, env: [{name: A}]}}",
         "exec.env: names and values are expected"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        use(world, bad[i].cluster, bad[i].user);
        expect_fault(world, ERR_INVALID, bad[i].says);
        free(world->paths[--world->path_count]);
        world->source.kubeconfig = NULL;
    }
    use(world, "{server: https://k}", "{}");
}

static void a_context_whose_cluster_or_user_is_missing_is_named(void **state)
{
    struct world *world = *state;
    world->source.kubeconfig = write_file(
        world, "config",
        "current-context: a\n"
        "contexts: [{name: a, context: {cluster: none}}, {name: b, context: {cluster: k, "
        "user: none}}]\n"
        "clusters: [{name: k, cluster: {server: https://k}}]\n");
    expect_fault(world, ERR_NOT_FOUND, "no cluster \"none\" in ");
    world->source.context = "b";
    expect_fault(world, ERR_NOT_FOUND, "no user \"none\" in ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_pod_gets_server_and_identity_from_its_files),
        TEST(a_named_file_or_context_leaves_the_cluster_out),
        TEST(a_pod_without_service_account_may_have_a_kubeconfig),
        TEST(a_context_names_cluster_user_and_namespace),
        TEST(of_several_files_the_first_that_has_an_entry_wins_whole),
        TEST(the_usual_file_in_the_home_is_the_last_resort),
        TEST(a_named_file_has_to_be_there_and_to_be_one),
        TEST(relative_paths_start_at_their_file),
        TEST(data_wins_over_files),
        TEST(impersonation_is_read),
        TEST(a_plugin_is_read_with_what_it_is_told),
        TEST(what_is_wrong_is_named_with_its_place),
        TEST(a_context_whose_cluster_or_user_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
