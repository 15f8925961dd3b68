/* SPDX-License-Identifier: Apache-2.0 */
#include "classic_shape.h"

/* The fields of version_data: versions, and in each its middleware by path. */

static const struct shape_field method_action_fields[] = {
    FIELD("action", shape_string),
    FIELD("code", shape_int),
    FIELD("data", shape_string),
    FIELD("headers", shape_string_map),
};
static const struct shape method_action_shape = STRUCT_SHAPE(method_action_fields);
static const struct shape method_action_map = {.kind = SHAPE_MAP, .element = &method_action_shape};

static const struct shape_field endpoint_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
    FIELD("ignore_case", shape_bool),
    FIELD_OMITTED("method_actions", method_action_map, OMIT_EMPTY),
};
static const struct shape endpoint_shape = STRUCT_SHAPE(endpoint_fields);
static const struct shape endpoint_list = {.kind = SHAPE_LIST, .element = &endpoint_shape};

static const struct shape_field mock_response_fields[] = {
    FIELD("disabled", shape_bool),      FIELD("path", shape_string), FIELD("method", shape_string),
    FIELD("ignore_case", shape_bool),   FIELD("code", shape_int),    FIELD("body", shape_string),
    FIELD("headers", shape_string_map),
};
static const struct shape mock_response_shape = STRUCT_SHAPE(mock_response_fields);
static const struct shape mock_response_list = {.kind = SHAPE_LIST,
                                                .element = &mock_response_shape};

static const struct shape_field advance_cache_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("method", shape_string),
    FIELD("path", shape_string),
    FIELD("cache_key_regex", shape_string),
    FIELD("cache_response_codes", shape_ints),
    FIELD("timeout", shape_int),
};
static const struct shape advance_cache_shape = STRUCT_SHAPE(advance_cache_fields);
static const struct shape advance_cache_list = {.kind = SHAPE_LIST,
                                                .element = &advance_cache_shape};

static const struct shape_field template_data_fields[] = {
    FIELD("input_type", shape_string),
    FIELD("template_mode", shape_string),
    FIELD("enable_session", shape_bool),
    FIELD("template_source", shape_string),
};
static const struct shape template_data_shape = STRUCT_SHAPE(template_data_fields);

static const struct shape_field transform_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("template_data", template_data_shape),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
};
static const struct shape transform_shape = STRUCT_SHAPE(transform_fields);
static const struct shape transform_list = {.kind = SHAPE_LIST, .element = &transform_shape};

static const struct shape_field transform_jq_fields[] = {
    FIELD("filter", shape_string),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
};
static const struct shape transform_jq_shape = STRUCT_SHAPE(transform_jq_fields);
static const struct shape transform_jq_list = {.kind = SHAPE_LIST, .element = &transform_jq_shape};

static const struct shape_field header_injection_fields[] = {
    FIELD("disabled", shape_bool),          FIELD("delete_headers", shape_strings),
    FIELD("add_headers", shape_string_map), FIELD("path", shape_string),
    FIELD("method", shape_string),          FIELD("act_on", shape_bool),
};
static const struct shape header_injection_shape = STRUCT_SHAPE(header_injection_fields);
static const struct shape header_injection_list = {.kind = SHAPE_LIST,
                                                   .element = &header_injection_shape};

static const struct shape_field hard_timeout_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
    FIELD("timeout", shape_any),
};
static const struct shape hard_timeout_shape = STRUCT_SHAPE(hard_timeout_fields);
static const struct shape hard_timeout_list = {.kind = SHAPE_LIST, .element = &hard_timeout_shape};

static const struct shape_field circuit_breaker_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
    FIELD("threshold_percent", shape_float),
    FIELD("samples", shape_int),
    FIELD("return_to_service_after", shape_int),
    FIELD("disable_half_open_state", shape_bool),
};
static const struct shape circuit_breaker_shape = STRUCT_SHAPE(circuit_breaker_fields);
static const struct shape circuit_breaker_list = {.kind = SHAPE_LIST,
                                                  .element = &circuit_breaker_shape};

static const struct shape_field url_rewrite_fields[] = {
    FIELD("disabled", shape_bool),     FIELD("path", shape_string),
    FIELD("method", shape_string),     FIELD("match_pattern", shape_string),
    FIELD("rewrite_to", shape_string), FIELD("triggers", shape_any_list),
};
static const struct shape url_rewrite_shape = STRUCT_SHAPE(url_rewrite_fields);
static const struct shape url_rewrite_list = {.kind = SHAPE_LIST, .element = &url_rewrite_shape};

static const struct shape_field virtual_endpoint_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("response_function_name", shape_string),
    FIELD("function_source_type", shape_string),
    FIELD("function_source_uri", shape_string),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
    FIELD("use_session", shape_bool),
    FIELD("proxy_on_error", shape_bool),
};
static const struct shape virtual_endpoint_shape = STRUCT_SHAPE(virtual_endpoint_fields);
static const struct shape virtual_endpoint_list = {.kind = SHAPE_LIST,
                                                   .element = &virtual_endpoint_shape};

static const struct shape_field size_limit_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
    FIELD("size_limit", shape_int),
};
static const struct shape size_limit_shape = STRUCT_SHAPE(size_limit_fields);
static const struct shape size_limit_list = {.kind = SHAPE_LIST, .element = &size_limit_shape};

static const struct shape_field method_transform_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
    FIELD("to_method", shape_string),
};
static const struct shape method_transform_shape = STRUCT_SHAPE(method_transform_fields);
static const struct shape method_transform_list = {.kind = SHAPE_LIST,
                                                   .element = &method_transform_shape};

static const struct shape_field plain_endpoint_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
};
static const struct shape plain_endpoint_shape = STRUCT_SHAPE(plain_endpoint_fields);
static const struct shape plain_endpoint_list = {.kind = SHAPE_LIST,
                                                 .element = &plain_endpoint_shape};

static const struct shape_field validate_json_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
    FIELD("schema", shape_any_map),
    FIELD_OMITTED("schema_b64", shape_string, OMIT_EMPTY),
    FIELD("error_response_code", shape_int),
};
static const struct shape validate_json_shape = STRUCT_SHAPE(validate_json_fields);
static const struct shape validate_json_list = {.kind = SHAPE_LIST,
                                                .element = &validate_json_shape};

static const struct shape_field validate_request_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("path", shape_string),
    FIELD("method", shape_string),
    FIELD("error_response_code", shape_int),
};
static const struct shape validate_request_shape = STRUCT_SHAPE(validate_request_fields);
static const struct shape validate_request_list = {.kind = SHAPE_LIST,
                                                   .element = &validate_request_shape};

static const struct shape_field go_plugin_fields[] = {
    FIELD("disabled", shape_bool),    FIELD("path", shape_string),
    FIELD("method", shape_string),    FIELD("plugin_path", shape_string),
    FIELD("func_name", shape_string),
};
static const struct shape go_plugin_shape = STRUCT_SHAPE(go_plugin_fields);
static const struct shape go_plugin_list = {.kind = SHAPE_LIST, .element = &go_plugin_shape};

static const struct shape_field persist_graphql_fields[] = {
    FIELD("path", shape_string),
    FIELD("method", shape_string),
    FIELD("operation", shape_string),
    FIELD("variables", shape_any_map),
};
static const struct shape persist_graphql_shape = STRUCT_SHAPE(persist_graphql_fields);
static const struct shape persist_graphql_list = {.kind = SHAPE_LIST,
                                                  .element = &persist_graphql_shape};

static const struct shape_field endpoint_rate_limit_fields[] = {
    FIELD("disabled", shape_bool), FIELD("path", shape_string), FIELD("method", shape_string),
    FIELD("rate", shape_float),    FIELD("per", shape_float),
};
static const struct shape endpoint_rate_limit_shape = STRUCT_SHAPE(endpoint_rate_limit_fields);
static const struct shape endpoint_rate_limit_list = {.kind = SHAPE_LIST,
                                                      .element = &endpoint_rate_limit_shape};

static const struct shape_field extended_paths_fields[] = {
    FIELD_OMITTED("ignored", endpoint_list, OMIT_EMPTY),
    FIELD_OMITTED("white_list", endpoint_list, OMIT_EMPTY),
    FIELD_OMITTED("black_list", endpoint_list, OMIT_EMPTY),
    FIELD_OMITTED("mock_response", mock_response_list, OMIT_EMPTY),
    FIELD_OMITTED("cache", shape_strings, OMIT_EMPTY),
    FIELD_OMITTED("advance_cache_config", advance_cache_list, OMIT_EMPTY),
    FIELD_OMITTED("transform", transform_list, OMIT_EMPTY),
    FIELD_OMITTED("transform_response", transform_list, OMIT_EMPTY),
    FIELD_OMITTED("transform_jq", transform_jq_list, OMIT_EMPTY),
    FIELD_OMITTED("transform_jq_response", transform_jq_list, OMIT_EMPTY),
    FIELD_OMITTED("transform_headers", header_injection_list, OMIT_EMPTY),
    FIELD_OMITTED("transform_response_headers", header_injection_list, OMIT_EMPTY),
    FIELD_OMITTED("hard_timeouts", hard_timeout_list, OMIT_EMPTY),
    FIELD_OMITTED("circuit_breakers", circuit_breaker_list, OMIT_EMPTY),
    FIELD_OMITTED("url_rewrites", url_rewrite_list, OMIT_EMPTY),
    FIELD_OMITTED("virtual", virtual_endpoint_list, OMIT_EMPTY),
    FIELD_OMITTED("size_limits", size_limit_list, OMIT_EMPTY),
    FIELD_OMITTED("method_transforms", method_transform_list, OMIT_EMPTY),
    FIELD_OMITTED("track_endpoints", plain_endpoint_list, OMIT_EMPTY),
    FIELD_OMITTED("do_not_track_endpoints", plain_endpoint_list, OMIT_EMPTY),
    FIELD_OMITTED("validate_json", validate_json_list, OMIT_EMPTY),
    FIELD_OMITTED("validate_request", validate_request_list, OMIT_EMPTY),
    FIELD_OMITTED("internal", plain_endpoint_list, OMIT_EMPTY),
    FIELD_OMITTED("go_plugin", go_plugin_list, OMIT_EMPTY),
    FIELD("persist_graphql", persist_graphql_list),
    FIELD("rate_limit", endpoint_rate_limit_list),
};
static const struct shape extended_paths_shape = STRUCT_SHAPE(extended_paths_fields);

static const struct shape_field version_paths_fields[] = {
    FIELD("ignored", shape_strings),
    FIELD("white_list", shape_strings),
    FIELD("black_list", shape_strings),
};
static const struct shape version_paths_shape = STRUCT_SHAPE(version_paths_fields);

static const struct shape_field version_fields[] = {
    FIELD("name", shape_string),
    FIELD("expires", shape_string),
    FIELD("paths", version_paths_shape),
    FIELD("use_extended_paths", shape_bool),
    FIELD("extended_paths", extended_paths_shape),
    FIELD("global_headers", shape_string_map),
    FIELD("global_headers_remove", shape_strings),
    FIELD("global_headers_disabled", shape_bool),
    FIELD("global_response_headers", shape_string_map),
    FIELD("global_response_headers_remove", shape_strings),
    FIELD("global_response_headers_disabled", shape_bool),
    FIELD("ignore_endpoint_case", shape_bool),
    FIELD("global_size_limit", shape_int),
    FIELD("global_size_limit_disabled", shape_bool),
    FIELD("global_enforce_timeout", shape_duration),
    FIELD("global_enforce_timeout_disabled", shape_bool),
    FIELD("override_target", shape_string),
};
static const struct shape version_shape = STRUCT_SHAPE(version_fields);
static const struct shape version_map = {.kind = SHAPE_MAP, .element = &version_shape};

static const struct shape_field version_data_fields[] = {
    FIELD("not_versioned", shape_bool),
    FIELD("default_version", shape_string),
    FIELD("versions", version_map),
};
const struct shape classic_version_data_shape = STRUCT_SHAPE(version_data_fields);
