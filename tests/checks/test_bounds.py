# SPDX-License-Identifier: Apache-2.0
"""Everything that comes from outside is bounded, and every bound has a test: a new one is named here, with its test."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOUND = re.compile(r"^#define +(\w*(?:MAX|LIMIT)\w*) ", re.MULTILINE)
TIME = re.compile(r"_(MS|S)$")

# "file name": "test file: test". In place of a test, "-" and why there is none: most are of what is kept idle for speed.
BOUNDS = {
    "app.c WHOLE_MAX": "unit/core/packing_test.c: few_are_not_packed",
    "app.c OPEN_MAX": "unit/core/packing_test.c: *",
    "base/blocks.c BLOCK_MAX": "- larger ones have memory for themselves; unit/base/blocks_test.c has both",
    "base/buf.h BUF_UNLIMITED": "- the name of having none; where it is used, what goes in is bounded",
    "base/histogram.h HISTOGRAM_BOUNDS_MAX": "- the size of a constant table",
    "base/log.c DETAIL_LIMIT": "unit/base/bounds_test.c: a_line_of_the_log_is_bounded_and_whole",
    "cli/diff_print.c LINE_LIMIT": "- what is printed for a person; the text is the user's own",
    "cli/line.c LINE_LIMIT": "- likewise",
    "cli/diff_wants.c FILE_LIMIT": "component/dir/manifests_test.c: large_and_deep_files_are_bounded",
    "config.h CONFIG_OPTIONS_MAX": "- the size of a constant table, held when it is compiled",
    "core/accepted.h CONVERTED_ANNOTATION_MAX": "component/reconcile/global_test.c: copies_that_no_annotation_can_hold_are_converted_all_the_same",
    "core/annotations.c SHOWN_MAX": "unit/core/annotations_test.c: what_has_no_effect_is_told",
    "core/bounds.h COPIES_SIZE_MAX": "unit/core/resolve_test.c: copies_have_1000000_bytes_at_most_together",
    "core/bounds.h HANDLERS_MAX": "unit/core/resolve_test.c: what_no_status_can_hold_is_refused",
    "core/bounds.h HEADER_VALUE_MAX": "unit/core/webhook_test.c: values_of_secrets_have_the_bounds_of_written_ones",
    "core/bounds.h LISTEN_PATH_MAX": "unit/core/resolve_test.c: a_listen_path_has_2048_characters_at_most",
    "core/bounds.h REFS_MAX": "unit/core/resolve_test.c: what_no_status_can_hold_is_refused",
    "core/bounds.h REF_LENGTH_MAX": "unit/core/resolve_test.c: what_no_status_can_hold_is_refused",
    "core/bounds.h URL_MAX": "unit/core/webhook_test.c: values_of_secrets_have_the_bounds_of_written_ones",
    "core/claims_decide.c RING_MAX": "unit/core/claims_test.c: a_ring_has_eight_members_at_most",
    "core/conditions.c MESSAGE_LIMIT": "unit/core/bounds_test.c: a_conditions_message_is_cut",
    "core/conditions.h CONDITIONS_MAX": "- more than there are types: beyond it is a mistake of ours, and ends the process",
    "core/cooldown.h COOLDOWN_MAX": "unit/core/cooldown_test.c: *",
    "core/line_diff.c INDENT_MAX": "unit/core/bounds_test.c: a_heading_of_a_difference_is_not_deeper_than_64",
    "core/line_diff.c MAX_CHANGES": "unit/core/bounds_test.c: texts_that_differ_in_too_many_lines_are_replaced_whole",
    "core/marker.c MARKER_MAX_N": "unit/core/marker_test.c: what_we_cannot_have_written_is_no_marker",
    "core/misspelt.c NAMES_MAX": "- the size of constant tables",
    "core/pace.c DOUBLED_MAX": "unit/core/pace_test.c: it_waits_longer_the_more_was_told_lately",
    "core/problem.c MESSAGE_LIMIT": "unit/core/bounds_test.c: a_problems_message_is_cut",
    "core/schema.h SCHEMA_PROBLEMS_MAX": "component/dir/manifests_test.c: a_thousand_mistakes_in_one_object_are_not_all_kept",
    "core/schema_meta.c ANNOTATIONS_LIMIT": "unit/core/bounds_test.c: annotations_have_256_kilobytes_together",
    "core/workqueue.h WORKQUEUE_LETTERS_MAX": "- the size of a table; what is beyond it is counted with the last",
    "default_gateways.c CA_LIMIT": "component/dir/flag_file_test.c: a_file_over_the_limit_is_refused",
    "default_gateways.c SECRET_LIMIT": "component/dir/flag_file_test.c: a_file_over_the_limit_is_refused",
    "dir/dir_peek.c FILE_LIMIT": "- file_read()'s limit, which others test, for a file of the operator's own",
    "dir/dir_state.c FILE_LIMIT": "- likewise",
    "gateway/fleet.c UNLOADED_MAX": "component/gateway/start_test.c: endpoints_that_never_come_back_are_forgotten_when_they_are_many",
    "gateway/bodies.c BYTES_MAX": "component/gateway/bounds_test.c: bodies_that_are_kept_have_eight_megabytes_together",
    "gateway/endpoint_look.c MAX_N": "- the room of a number in memory; beyond it the count begins again",
    "gateway/endpoint_write.c SERVER_ERRORS_MAX": "component/gateway/fault_test.c: three_500_in_a_row_are_the_gateways_fault",
    "gateway/gateway_client.c ANSWER_LIMIT": "component/gateway/bounds_test.c: answers_have_limits",
    "gateway/gateway_client.c DEFINITION_LIMIT": "component/gateway/bounds_test.c: an_item_of_a_list_has_eight_megabytes_at_most",
    "gateway/gateway_client.c DETAIL_LIMIT": "component/gateway/parts_test.c: details_are_one_printable_line_without_the_secret",
    "gateway/gateway_client.c LIST_LIMIT": "component/gateway/bounds_test.c: answers_have_limits",
    "kube/event_recorder.c BUCKETS_MAX": "- checked as the number of series is, at four times as many",
    "kube/event_recorder.c INSTANCE_MAX": "component/kube/event_recorder_test.c: names_and_notes_are_cut_to_what_the_server_takes",
    "kube/event_recorder.c IN_FLIGHT_MAX": "component/kube/event_recorder_test.c: two_events_are_in_flight_at_most",
    "kube/event_recorder.c NAME_MAX_LENGTH": "component/kube/event_recorder_test.c: names_and_notes_are_cut_to_what_the_server_takes",
    "kube/event_recorder.c NOTE_MAX": "component/kube/event_recorder_test.c: names_and_notes_are_cut_to_what_the_server_takes",
    "kube/event_recorder.c SERIES_MAX": "component/kube/event_recorder_test.c: the_number_of_series_is_bounded",
    "kube/event_recorder.c TRIES_MAX": "component/kube/event_recorder_test.c: a_passing_failure_is_tried_again_twelve_times",
    "kube/kube_auth.c PEM_LIMIT": "component/kube/bounds_test.c: files_have_a_limit",
    "kube/kube_auth.c TOKEN_LIMIT": "component/kube/bounds_test.c: files_have_a_limit",
    "kube/kube_bootstrap.c RACES_MAX": "component/kube/kube_store_test.c: a_key_that_comes_and_goes_is_not_waited_for_for_ever",
    "kube/kube_client.c LIMIT": "component/kube/bounds_test.c: an_answer_has_a_limit",
    "kube/kube_client.c RETRIES_MAX": "component/kube/kube_client_test.c: putting_off_ends_after_five_times",
    "kube/kube_config.c WORD_LIMIT": "component/kube/bounds_test.c: files_have_a_limit",
    "kube/kube_exec.c COMPLAINT_LIMIT": "component/kube_net/kube_exec_test.c: a_program_that_fails_is_quoted",
    "kube/kube_exec.c OUTPUT_LIMIT": "component/kube_net/kube_exec_test.c: a_program_that_prints_without_end_is_killed",
    "kube/kube_follow.c IN_FLIGHT_MAX": "component/kube/kube_source_follow_test.c: at_most_eight_are_read_at_a_time",
    "kube/kube_object.c DEPTH_MAX": "component/kube/decoders_test.c: an_object_nested_without_measure_is_there_with_a_problem",
    "kube/kube_status.c WORDS_MAX": "component/kube/bounds_test.c: the_words_of_a_server_are_cut",
    "kube/kube_store.c IN_FLIGHT_MAX": "component/kube/kube_store_test.c: at_most_sixteen_writes_are_in_flight",
    "kube/kubeconfig.c FILES_MAX": "component/kube/bounds_test.c: there_are_32_kubeconfig_files_at_most",
    "kube/kubeconfig.c FILE_LIMIT": "component/kube/bounds_test.c: files_have_a_limit",
    "kube/lease.c READS_MAX": "component/kube/lease_object_test.c: a_write_of_somebody_else_to_the_object_costs_one_read",
    "kube/list_splitter.c DEPTH_LIMIT": "component/kube/bounds_test.c: an_item_is_not_nested_without_measure",
    "kube/list_splitter.c ITEM_LIMIT": "component/kube/bounds_test.c: an_item_of_a_list_has_sixteen_megabytes_at_most",
    "kube/list_splitter.c REST_LIMIT": "component/kube/bounds_test.c: what_stands_beside_the_items_has_one_megabyte_at_most",
    "kube/reflector.c EVENT_LIMIT": "component/kube/decoders_test.c: an_event_over_the_limit_ends_the_decoding",
    "net/http_curl.c DEFAULT_LIMIT": "component/net/http_curl_test.c: a_body_over_the_limit_is_invalid",
    "net/http_curl.c IDLE_CONNECTIONS_MAX": "- libcurl's own, of what is kept idle",
    "net/http_curl.c IDLE_HANDLES_MAX": "- of what is kept idle: one more is freed",
    "net/http_curl.c SPINS_MAX": "component/net/loop_test.c: io_goes_on_under_a_load_of_deferred_work",
    "net/http_server.c BODY_LIMIT": "component/net/http_server_test.c: requests_are_bounded",
    "net/http_server.c HEAD_LIMIT": "component/net/http_server_test.c: requests_are_bounded",
    "net/loop.c SPARE_MAX": "- of what is kept idle: one more is freed",
    "reconcile/documents.c BYTES_MAX": "component/reconcile/documents_test.c: four_megabytes_are_kept_the_first_ones",
    "reconcile/api_leave.c MAX_FINALIZERS": "- more than there are: one of ours and two of Tyk Operator's; those beyond stay for the next write",
    "reconcile/api_write.c NOTE_LIMIT": "component/kube/event_recorder_test.c: names_and_notes_are_cut_to_what_the_server_takes",
    "reconcile/flaws.c WARNING_EVENTS_MAX": "component/reconcile/progress_test.c: the_warnings_of_an_edit_are_events_once",
    "reconcile/state.h PENDING_EVENTS_MAX": "- what one write of status can say, in a row of constant size: one more is dropped",
    "reconcile/state.h WRITES_MAX": "component/reconcile/push_test.c: statuses_wait_for_writes_but_gateways_do_not",
    "reconcile/webhook_flow.c REFERENCES_MAX": "unit/core/bounds_test.c: a_webhook_names_a_limited_number_of_those_who_use_it",
}


def bounds() -> set[str]:
    found = set()
    for path in sorted((ROOT / "controller").rglob("*.[ch]")):
        for name in BOUND.findall(path.read_text()):
            if not TIME.search(name):
                found.add(f"{path.relative_to(ROOT / 'controller')} {name}")
    return found


def test_every_bound_is_named_with_its_test():
    assert bounds() == set(BOUNDS)


@pytest.mark.parametrize("bound", [bound for bound, test in BOUNDS.items() if not test.startswith("-")])
def test_the_test_is_there(bound):
    file, test = BOUNDS[bound].split(": ")
    text = (ROOT / "tests" / file).read_text()
    assert test == "*" or re.search(rf"\b{test}[,)]", text), f"{file} does not run {test}"
