/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of what comes from the API server and from the files beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "kube/kube_client.h"
#include "kube/kube_file.h"
#include "kube/kube_status.h"
#include "kube/kubeconfig.h"
#include "kube/list_splitter.h"
#include "support/fake_http.h"
#include "support/fake_loop.h"
#include "support/temp_folder.h"

static int take_item(void *arg, struct span item, struct err *err)
{
    (void)arg;
    (void)item;
    (void)err;
    return 0;
}

/* Feeds `before`, then `length` letters; -1 once the splitter refuses. */
static int feed_letters(const char *before, size_t length, struct err *err)
{
    CLEANUP(list_splitter_freep)
    struct list_splitter *splitter = list_splitter_new(take_item, NULL);
    static char letters[65536];
    memset(letters, 'x', sizeof(letters));
    if (list_splitter_feed(splitter, before, strlen(before), err) < 0)
        return -1;
    for (size_t fed = 0; fed < length; fed += sizeof(letters)) {
        if (list_splitter_feed(splitter, letters, sizeof(letters), err) < 0)
            return -1;
    }
    return 0;
}

static void an_item_of_a_list_has_sixteen_megabytes_at_most(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(feed_letters("{\"items\":[{\"a\":\"", 15U << 20, &err), 0);
    assert_int_equal(feed_letters("{\"items\":[{\"a\":\"", 17U << 20, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
}

static void what_stands_beside_the_items_has_one_megabyte_at_most(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(feed_letters("{\"metadata\":{\"a\":\"", 900U << 10, &err), 0);
    assert_int_equal(feed_letters("{\"metadata\":{\"a\":\"", 2U << 20, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
}

static void an_item_is_not_nested_without_measure(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf text;
    buf_init(&text, BUF_UNLIMITED);
    buf_add_text(&text, "{\"items\":[");
    for (int i = 0; i < 10010; i++)
        buf_add_char(&text, '[');
    CLEANUP(list_splitter_freep)
    struct list_splitter *splitter = list_splitter_new(take_item, NULL);
    struct err err;
    assert_int_equal(list_splitter_feed(splitter, text.data, text.length, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
}

static void the_words_of_a_server_are_cut(void **state)
{
    (void)state;
    CLEANUP(buf_fini) struct buf body;
    buf_init(&body, BUF_UNLIMITED);
    buf_add_text(&body, "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"message\":\"");
    for (int i = 0; i < 100000; i++)
        buf_add_char(&body, 'x');
    buf_add_text(&body, "\"}");
    struct kube_status status;
    struct err err;
    kube_status_to_err(422, (struct span){body.data, body.length}, &status, &err);
    assert_true(strlen(err.msg) < 360);
}

static void there_are_32_kubeconfig_files_at_most(void **state)
{
    (void)state;
    static const struct span text = {"apiVersion: v1\n", 15};
    struct kubeconfig *files = kubeconfig_new();
    struct err err;
    for (int i = 0; i < 32; i++)
        assert_int_equal(kubeconfig_add_text(files, "config", text, &err), 0);
    assert_int_equal(kubeconfig_add_text(files, "config", text, &err), -1);
    assert_string_equal(err.msg, "more than 32 kubeconfig files");
    kubeconfig_free(files);
}

static void files_have_a_limit(void **state)
{
    (void)state;
    struct temp_folder folder;
    temp_folder_make(&folder);
    CLEANUP(freep) char *letters = xmalloc(5U << 20);
    memset(letters, '#', 5U << 20);
    temp_write_n(&folder, "config", letters, 5U << 20);
    temp_write_n(&folder, "token", letters, 65537);
    CLEANUP(freep) char *config = temp_path(&folder, "config");
    CLEANUP(freep) char *token = temp_path(&folder, "token");
    struct kubeconfig *files = kubeconfig_new();
    struct err err;
    assert_int_equal(kubeconfig_add_file(files, config, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
    kubeconfig_free(files);
    char *text = NULL;
    assert_int_equal(kube_file_read_word(token, 65536, &text, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
    assert_int_equal(kube_file_read_word(token, 65537, &text, &err), 0);
    free(text);
    temp_folder_remove(&folder);
}

static void on_answer(void *arg, const struct kube_answer *answer, const struct err *err)
{
    (void)answer;
    (void)err;
    ++*(int *)arg;
}

static void an_answer_has_a_limit(void **state)
{
    (void)state;
    struct loop *loop = fake_loop_new(1);
    struct http *http = fake_http_new(loop);
    char server[] = "https://server";
    const struct kube_config config = {.server = server};
    struct kube_client *client = kube_client_new(loop, http, &config);
    const struct kube_request request = {.method = "GET", .path = "/version"};
    int answers = 0;
    kube_start(client, &request, on_answer, &answers);
    fake_loop_run(loop);
    struct fake_call *call = fake_http_expect(http, "GET", "/version");
    assert_int_equal(call->limit, 8U << 20);
    fake_http_answer(http, call, 200, "{}");
    assert_int_equal(answers, 1);
    kube_client_free(client);
    fake_http_free(http);
    fake_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_of_a_list_has_sixteen_megabytes_at_most),
        cmocka_unit_test(what_stands_beside_the_items_has_one_megabyte_at_most),
        cmocka_unit_test(an_item_is_not_nested_without_measure),
        cmocka_unit_test(the_words_of_a_server_are_cut),
        cmocka_unit_test(there_are_32_kubeconfig_files_at_most),
        cmocka_unit_test(files_have_a_limit),
        cmocka_unit_test(an_answer_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
