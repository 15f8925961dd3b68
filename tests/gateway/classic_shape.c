/* SPDX-License-Identifier: Apache-2.0 */
#include "classic_shape.h"

/*
 * The fields of a Classic definition in the order in which a gateway of 5.14 writes them, names and
 * types as GET shows them. Each table comes before the ones that use it.
 */

static const struct shape_field source_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("name", shape_string),
};
static const struct shape source_shape = STRUCT_SHAPE(source_fields);

static const struct shape_field oauth_jwt_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("signing_method", shape_string),
    FIELD("source", shape_string),
    FIELD("issued_at_validation_skew", shape_int),
    FIELD("not_before_validation_skew", shape_int),
    FIELD("expires_at_validation_skew", shape_int),
    FIELD("identity_base_field", shape_string),
};
static const struct shape oauth_jwt_shape = STRUCT_SHAPE(oauth_jwt_fields);

static const struct shape_field oauth_introspection_cache_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("timeout", shape_int),
};
static const struct shape oauth_introspection_cache_shape =
    STRUCT_SHAPE(oauth_introspection_cache_fields);

static const struct shape_field oauth_introspection_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("url", shape_string),
    FIELD("client_id", shape_string),
    FIELD("client_secret", shape_string),
    FIELD("identity_base_field", shape_string),
    FIELD("cache", oauth_introspection_cache_shape),
};
static const struct shape oauth_introspection_shape = STRUCT_SHAPE(oauth_introspection_fields);

static const struct shape_field oauth_provider_fields[] = {
    FIELD("jwt", oauth_jwt_shape),
    FIELD("introspection", oauth_introspection_shape),
};
static const struct shape oauth_provider_shape = STRUCT_SHAPE(oauth_provider_fields);
static const struct shape oauth_provider_list = {.kind = SHAPE_LIST,
                                                 .element = &oauth_provider_shape};

static const struct shape_field external_oauth_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("providers", oauth_provider_list),
};
static const struct shape external_oauth_shape = STRUCT_SHAPE(external_oauth_fields);

static const struct shape_field openid_provider_fields[] = {
    FIELD("issuer", shape_string),
    FIELD("client_ids", shape_string_map),
};
static const struct shape openid_provider_shape = STRUCT_SHAPE(openid_provider_fields);
static const struct shape openid_provider_list = {.kind = SHAPE_LIST,
                                                  .element = &openid_provider_shape};

static const struct shape_field openid_options_fields[] = {
    FIELD("providers", openid_provider_list),
    FIELD("segregate_by_client", shape_bool),
};
static const struct shape openid_options_shape = STRUCT_SHAPE(openid_options_fields);

static const struct shape_field oauth_meta_fields[] = {
    FIELD("allowed_access_types", shape_strings),
    FIELD("allowed_authorize_types", shape_strings),
    FIELD("auth_login_redirect", shape_string),
};
static const struct shape oauth_meta_shape = STRUCT_SHAPE(oauth_meta_fields);

static const struct shape_field signature_fields[] = {
    FIELD("algorithm", shape_string), FIELD("header", shape_string),
    FIELD("use_param", shape_bool),   FIELD("param_name", shape_string),
    FIELD("secret", shape_string),    FIELD("allowed_clock_skew", shape_int),
    FIELD("error_code", shape_int),   FIELD("error_message", shape_string),
};
static const struct shape signature_shape = STRUCT_SHAPE(signature_fields);

static const struct shape_field auth_fields[] = {
    FIELD("name", shape_string),
    FIELD("use_param", shape_bool),
    FIELD("param_name", shape_string),
    FIELD("use_cookie", shape_bool),
    FIELD("cookie_name", shape_string),
    FIELD("disable_header", shape_bool),
    FIELD("auth_header_name", shape_string),
    FIELD("use_certificate", shape_bool),
    FIELD("validate_signature", shape_bool),
    FIELD("signature", signature_shape),
};
static const struct shape auth_shape = STRUCT_SHAPE(auth_fields);
static const struct shape auth_map = {.kind = SHAPE_MAP, .element = &auth_shape};

static const struct shape_field basic_auth_fields[] = {
    FIELD("disable_caching", shape_bool),        FIELD("cache_ttl", shape_int),
    FIELD("extract_from_body", shape_bool),      FIELD("body_user_regexp", shape_string),
    FIELD("body_password_regexp", shape_string),
};
static const struct shape basic_auth_shape = STRUCT_SHAPE(basic_auth_fields);

static const struct shape_field jwk_fields[] = {
    FIELD("url", shape_string),
    FIELD("cache_timeout", shape_duration),
};
static const struct shape jwk_shape = STRUCT_SHAPE(jwk_fields);
static const struct shape jwk_list = {.kind = SHAPE_LIST, .element = &jwk_shape};

static const struct shape_field scope_claim_fields[] = {
    FIELD_OMITTED("scope_claim_name", shape_string, OMIT_EMPTY),
    FIELD_OMITTED("scope_to_policy", shape_string_map, OMIT_EMPTY),
};
static const struct shape scope_claim_shape = STRUCT_SHAPE(scope_claim_fields);

static const struct shape_field scopes_fields[] = {
    FIELD("jwt", scope_claim_shape),
    FIELD("oidc", scope_claim_shape),
};
static const struct shape scopes_shape = STRUCT_SHAPE(scopes_fields);

static const struct shape_field notifications_fields[] = {
    FIELD("shared_secret", shape_string),
    FIELD("oauth_on_keychange_url", shape_string),
};
static const struct shape notifications_shape = STRUCT_SHAPE(notifications_fields);

static const struct shape_field request_signing_fields[] = {
    FIELD("is_enabled", shape_bool),         FIELD("secret", shape_string),
    FIELD("key_id", shape_string),           FIELD("algorithm", shape_string),
    FIELD("header_list", shape_strings),     FIELD("certificate_id", shape_string),
    FIELD("signature_header", shape_string),
};
static const struct shape request_signing_shape = STRUCT_SHAPE(request_signing_fields);

static const struct shape_field version_definition_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("name", shape_string),
    FIELD("default", shape_string),
    FIELD("location", shape_string),
    FIELD("key", shape_string),
    FIELD("strip_path", shape_bool),
    FIELD("strip_versioning_data", shape_bool),
    FIELD("url_versioning_pattern", shape_string),
    FIELD("fallback_to_default", shape_bool),
    FIELD("versions", shape_string_map),
};
static const struct shape version_definition_shape = STRUCT_SHAPE(version_definition_fields);

static const struct shape_field service_discovery_fields[] = {
    FIELD("use_discovery_service", shape_bool), FIELD("query_endpoint", shape_string),
    FIELD("use_nested_query", shape_bool),      FIELD("parent_data_path", shape_string),
    FIELD("data_path", shape_string),           FIELD("port_data_path", shape_string),
    FIELD("target_path", shape_string),         FIELD("use_target_list", shape_bool),
    FIELD("cache_disabled", shape_bool),        FIELD("cache_timeout", shape_int),
    FIELD("endpoint_returns_list", shape_bool),
};
static const struct shape service_discovery_shape = STRUCT_SHAPE(service_discovery_fields);

static const struct shape_field check_command_fields[] = {
    FIELD("name", shape_string),
    FIELD("message", shape_string),
};
static const struct shape check_command_shape = STRUCT_SHAPE(check_command_fields);
static const struct shape check_command_list = {.kind = SHAPE_LIST,
                                                .element = &check_command_shape};

static const struct shape_field host_check_fields[] = {
    FIELD("url", shape_string),
    FIELD("protocol", shape_string),
    FIELD("timeout", shape_int),
    FIELD("enable_proxy_protocol", shape_bool),
    FIELD("commands", check_command_list),
    FIELD("method", shape_string),
    FIELD("headers", shape_string_map),
    FIELD("body", shape_string),
};
static const struct shape host_check_shape = STRUCT_SHAPE(host_check_fields);
static const struct shape host_check_list = {.kind = SHAPE_LIST, .element = &host_check_shape};

static const struct shape_field uptime_config_fields[] = {
    FIELD("expire_utime_after", shape_int),
    FIELD("service_discovery", service_discovery_shape),
    FIELD("recheck_wait", shape_int),
};
static const struct shape uptime_config_shape = STRUCT_SHAPE(uptime_config_fields);

static const struct shape_field uptime_tests_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("check_list", host_check_list),
    FIELD("config", uptime_config_shape),
};
static const struct shape uptime_tests_shape = STRUCT_SHAPE(uptime_tests_fields);

static const struct shape_field transport_fields[] = {
    FIELD("ssl_insecure_skip_verify", shape_bool),
    FIELD("ssl_ciphers", shape_strings),
    FIELD("ssl_min_version", shape_int),
    FIELD("ssl_max_version", shape_int),
    FIELD("ssl_force_common_name_check", shape_bool),
    FIELD("proxy_url", shape_string),
};
static const struct shape transport_shape = STRUCT_SHAPE(transport_fields);

static const struct shape_field proxy_fields[] = {
    FIELD("preserve_host_header", shape_bool),
    FIELD("listen_path", shape_string),
    FIELD("target_url", shape_string),
    FIELD("disable_strip_slash", shape_bool),
    FIELD("strip_listen_path", shape_bool),
    FIELD("enable_load_balancing", shape_bool),
    FIELD("target_list", shape_strings),
    FIELD("check_host_against_uptime_tests", shape_bool),
    FIELD("service_discovery", service_discovery_shape),
    FIELD("transport", transport_shape),
};
static const struct shape proxy_shape = STRUCT_SHAPE(proxy_fields);

static const struct shape_field middleware_fields[] = {
    FIELD("disabled", shape_bool),      FIELD("name", shape_string),
    FIELD("path", shape_string),        FIELD("require_session", shape_bool),
    FIELD("raw_body_only", shape_bool),
};
static const struct shape middleware_shape = STRUCT_SHAPE(middleware_fields);
static const struct shape middleware_list = {.kind = SHAPE_LIST, .element = &middleware_shape};

static const struct shape_field id_extractor_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("extract_from", shape_string),
    FIELD("extract_with", shape_string),
    FIELD("extractor_config", shape_any_map),
};
static const struct shape id_extractor_shape = STRUCT_SHAPE(id_extractor_fields);

static const struct shape_field custom_middleware_fields[] = {
    FIELD("pre", middleware_list),
    FIELD("post", middleware_list),
    FIELD("post_key_auth", middleware_list),
    FIELD("auth_check", middleware_shape),
    FIELD("response", middleware_list),
    FIELD("driver", shape_string),
    FIELD("id_extractor", id_extractor_shape),
};
static const struct shape custom_middleware_shape = STRUCT_SHAPE(custom_middleware_fields);

static const struct shape_field cache_options_fields[] = {
    FIELD("cache_timeout", shape_int),
    FIELD("enable_cache", shape_bool),
    FIELD("cache_all_safe_requests", shape_bool),
    FIELD("cache_response_codes", shape_ints),
    FIELD("enable_upstream_cache_control", shape_bool),
    FIELD("cache_control_ttl_header", shape_string),
    FIELD("cache_by_headers", shape_strings),
};
static const struct shape cache_options_shape = STRUCT_SHAPE(cache_options_fields);

static const struct shape_field provider_fields[] = {
    FIELD("name", shape_string),
    FIELD("storage_engine", shape_string),
    FIELD("meta", shape_any_map),
};
static const struct shape provider_shape = STRUCT_SHAPE(provider_fields);

static const struct shape_field event_handler_fields[] = {
    FIELD("handler_name", shape_string),
    FIELD("handler_meta", shape_any_map),
};
static const struct shape event_handler_shape = STRUCT_SHAPE(event_handler_fields);
static const struct shape event_handler_list = {.kind = SHAPE_LIST,
                                                .element = &event_handler_shape};

static const struct shape event_handler_list_map = {.kind = SHAPE_MAP,
                                                    .element = &event_handler_list};
static const struct shape_field event_handlers_fields[] = {
    FIELD("events", event_handler_list_map),
};
static const struct shape event_handlers_shape = STRUCT_SHAPE(event_handlers_fields);

static const struct shape_field response_processor_fields[] = {
    FIELD("name", shape_string),
    FIELD("options", shape_any),
};
static const struct shape response_processor_shape = STRUCT_SHAPE(response_processor_fields);
static const struct shape response_processor_list = {.kind = SHAPE_LIST,
                                                     .element = &response_processor_shape};

static const struct shape_field cors_fields[] = {
    FIELD("enable", shape_bool),
    FIELD("allowed_origins", shape_strings),
    FIELD("allowed_methods", shape_strings),
    FIELD("allowed_headers", shape_strings),
    FIELD("exposed_headers", shape_strings),
    FIELD("allow_credentials", shape_bool),
    FIELD("max_age", shape_int),
    FIELD("options_passthrough", shape_bool),
    FIELD("debug", shape_bool),
};
static const struct shape cors_shape = STRUCT_SHAPE(cors_fields);

static const struct shape_field rate_limit_fields[] = {
    FIELD("disabled", shape_bool),
    FIELD("rate", shape_float),
    FIELD("per", shape_float),
};
static const struct shape rate_limit_shape = STRUCT_SHAPE(rate_limit_fields);

static const struct shape_field graphql_playground_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("path", shape_string),
};
static const struct shape graphql_playground_shape = STRUCT_SHAPE(graphql_playground_fields);

static const struct shape_field graphql_field_fields[] = {
    FIELD("type_name", shape_string),
    FIELD("field_name", shape_string),
    FIELD("disable_default_mapping", shape_bool),
    FIELD("path", shape_strings),
};
static const struct shape graphql_field_shape = STRUCT_SHAPE(graphql_field_fields);
static const struct shape graphql_field_list = {.kind = SHAPE_LIST,
                                                .element = &graphql_field_shape};

static const struct shape_field graphql_root_field_fields[] = {
    FIELD("type", shape_string),
    FIELD("fields", shape_strings),
};
static const struct shape graphql_root_field_shape = STRUCT_SHAPE(graphql_root_field_fields);
static const struct shape graphql_root_field_list = {.kind = SHAPE_LIST,
                                                     .element = &graphql_root_field_shape};

static const struct shape_field graphql_source_fields[] = {
    FIELD("kind", shape_string),   FIELD("name", shape_string),
    FIELD("internal", shape_bool), FIELD("root_fields", graphql_root_field_list),
    FIELD("config", shape_any),
};
static const struct shape graphql_source_shape = STRUCT_SHAPE(graphql_source_fields);
static const struct shape graphql_source_list = {.kind = SHAPE_LIST,
                                                 .element = &graphql_source_shape};

static const struct shape_field graphql_header_fields[] = {
    FIELD("key", shape_string),
    FIELD("value", shape_string),
};
static const struct shape graphql_header_shape = STRUCT_SHAPE(graphql_header_fields);
static const struct shape graphql_header_list = {.kind = SHAPE_LIST,
                                                 .element = &graphql_header_shape};

static const struct shape_field graphql_engine_fields[] = {
    FIELD("field_configs", graphql_field_list),
    FIELD("data_sources", graphql_source_list),
    FIELD("global_headers", graphql_header_list),
};
static const struct shape graphql_engine_shape = STRUCT_SHAPE(graphql_engine_fields);

static const struct shape_field graphql_features_fields[] = {
    FIELD("use_immutable_headers", shape_bool),
};
static const struct shape graphql_features_shape = STRUCT_SHAPE(graphql_features_fields);

static const struct shape_field graphql_extensions_fields[] = {
    FIELD("on_error_forwarding", shape_bool),
};
static const struct shape graphql_extensions_shape = STRUCT_SHAPE(graphql_extensions_fields);

static const struct shape_field graphql_rewrite_fields[] = {
    FIELD("value", shape_string),
    FIELD("remove", shape_bool),
};
static const struct shape graphql_rewrite_shape = STRUCT_SHAPE(graphql_rewrite_fields);
static const struct shape graphql_rewrite_map = {.kind = SHAPE_MAP,
                                                 .element = &graphql_rewrite_shape};

static const struct shape_field graphql_proxy_fields[] = {
    FIELD("features", graphql_features_shape),
    FIELD("auth_headers", shape_string_map),
    FIELD_OMITTED("subscription_type", shape_string, OMIT_EMPTY),
    FIELD("sse_use_post", shape_bool),
    FIELD("request_headers", shape_string_map),
    FIELD("use_response_extensions", graphql_extensions_shape),
    FIELD("request_headers_rewrite", graphql_rewrite_map),
};
static const struct shape graphql_proxy_shape = STRUCT_SHAPE(graphql_proxy_fields);

static const struct shape_field graphql_subgraph_fields[] = {
    FIELD("sdl", shape_string),
};
static const struct shape graphql_subgraph_shape = STRUCT_SHAPE(graphql_subgraph_fields);

static const struct shape_field graphql_entity_fields[] = {
    FIELD("api_id", shape_string),
    FIELD("name", shape_string),
    FIELD("url", shape_string),
    FIELD("sdl", shape_string),
    FIELD("headers", shape_string_map),
    FIELD_OMITTED("subscription_type", shape_string, OMIT_EMPTY),
    FIELD("sse_use_post", shape_bool),
};
static const struct shape graphql_entity_shape = STRUCT_SHAPE(graphql_entity_fields);
static const struct shape graphql_entity_list = {.kind = SHAPE_LIST,
                                                 .element = &graphql_entity_shape};

static const struct shape_field graphql_supergraph_fields[] = {
    FIELD_OMITTED("updated_at", shape_string, OMIT_EMPTY),
    FIELD("subgraphs", graphql_entity_list),
    FIELD("merged_sdl", shape_string),
    FIELD("global_headers", shape_string_map),
    FIELD("disable_query_batching", shape_bool),
};
static const struct shape graphql_supergraph_shape = STRUCT_SHAPE(graphql_supergraph_fields);

static const struct shape_field graphql_introspection_fields[] = {
    FIELD("disabled", shape_bool),
};
static const struct shape graphql_introspection_shape = STRUCT_SHAPE(graphql_introspection_fields);

static const struct shape_field graphql_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("execution_mode", shape_string),
    FIELD("version", shape_string),
    FIELD("schema", shape_string),
    FIELD_OMITTED("last_schema_update", shape_string, OMIT_EMPTY),
    FIELD("type_field_configurations", shape_any_list),
    FIELD("playground", graphql_playground_shape),
    FIELD("engine", graphql_engine_shape),
    FIELD("proxy", graphql_proxy_shape),
    FIELD("subgraph", graphql_subgraph_shape),
    FIELD("supergraph", graphql_supergraph_shape),
    FIELD("introspection", graphql_introspection_shape),
};
static const struct shape graphql_shape = STRUCT_SHAPE(graphql_fields);

static const struct shape_field analytics_plugin_fields[] = {
    FIELD_OMITTED("enable", shape_bool, OMIT_EMPTY),
    FIELD_OMITTED("plugin_path", shape_string, OMIT_EMPTY),
    FIELD_OMITTED("func_name", shape_string, OMIT_EMPTY),
};
static const struct shape analytics_plugin_shape = STRUCT_SHAPE(analytics_plugin_fields);

static const struct shape_field upstream_basic_auth_fields[] = {
    FIELD_OMITTED("enabled", shape_bool, OMIT_EMPTY),
    FIELD("username", shape_string),
    FIELD("password", shape_string),
    FIELD("header", source_shape),
};
static const struct shape upstream_basic_auth_shape = STRUCT_SHAPE(upstream_basic_auth_fields);

static const struct shape_field client_credentials_fields[] = {
    FIELD("client_id", shape_string),
    FIELD_OMITTED("client_secret", shape_string, OMIT_EMPTY),
    FIELD("header", source_shape),
    FIELD("token_url", shape_string),
    FIELD_OMITTED("scopes", shape_strings, OMIT_EMPTY),
    FIELD_OMITTED("extra_metadata", shape_strings, OMIT_EMPTY),
};
static const struct shape client_credentials_shape = STRUCT_SHAPE(client_credentials_fields);

static const struct shape_field password_auth_fields[] = {
    FIELD("client_id", shape_string),
    FIELD_OMITTED("client_secret", shape_string, OMIT_EMPTY),
    FIELD("header", source_shape),
    FIELD("username", shape_string),
    FIELD("password", shape_string),
    FIELD("token_url", shape_string),
    FIELD_OMITTED("scopes", shape_strings, OMIT_EMPTY),
    FIELD_OMITTED("extra_metadata", shape_strings, OMIT_EMPTY),
};
static const struct shape password_auth_shape = STRUCT_SHAPE(password_auth_fields);

static const struct shape_field upstream_oauth_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("allowed_authorize_types", shape_strings),
    FIELD("client_credentials", client_credentials_shape),
    FIELD("password", password_auth_shape),
};
static const struct shape upstream_oauth_shape = STRUCT_SHAPE(upstream_oauth_fields);

static const struct shape_field upstream_auth_fields[] = {
    FIELD("enabled", shape_bool),
    FIELD("basic_auth", upstream_basic_auth_shape),
    FIELD("oauth", upstream_oauth_shape),
};
static const struct shape upstream_auth_shape = STRUCT_SHAPE(upstream_auth_fields);

static const struct shape_field classic_fields[] = {
    FIELD_OMITTED("id", shape_object_id, OMIT_EMPTY),
    FIELD("name", shape_string),
    FIELD_OMITTED("expiration", shape_string, OMIT_EMPTY),
    FIELD("slug", shape_string),
    FIELD("listen_port", shape_int),
    FIELD("protocol", shape_string),
    FIELD("enable_proxy_protocol", shape_bool),
    FIELD_OMITTED("json_rpc_version", shape_string, OMIT_EMPTY),
    FIELD_OMITTED("application_protocol", shape_string, OMIT_EMPTY),
    FIELD("api_id", shape_string),
    FIELD("org_id", shape_string),
    FIELD("use_keyless", shape_bool),
    FIELD("use_oauth2", shape_bool),
    FIELD("external_oauth", external_oauth_shape),
    FIELD("use_openid", shape_bool),
    FIELD("openid_options", openid_options_shape),
    FIELD("oauth_meta", oauth_meta_shape),
    FIELD("auth", auth_shape),
    FIELD("auth_configs", auth_map),
    FIELD("use_basic_auth", shape_bool),
    FIELD("basic_auth", basic_auth_shape),
    FIELD("use_mutual_tls_auth", shape_bool),
    FIELD("client_certificates", shape_strings),
    FIELD("upstream_certificates", shape_string_map),
    FIELD_OMITTED("upstream_certificates_disabled", shape_bool, OMIT_EMPTY),
    FIELD("pinned_public_keys", shape_string_map),
    FIELD_OMITTED("certificate_pinning_disabled", shape_bool, OMIT_EMPTY),
    FIELD("enable_jwt", shape_bool),
    FIELD("use_standard_auth", shape_bool),
    FIELD("use_go_plugin_auth", shape_bool),
    FIELD("enable_coprocess_auth", shape_bool),
    FIELD("custom_plugin_auth_enabled", shape_bool),
    FIELD("jwt_signing_method", shape_string),
    FIELD("jwt_source", shape_string),
    FIELD("jwt_jwks_uris", jwk_list),
    FIELD("jwt_identity_base_field", shape_string),
    FIELD("jwt_client_base_field", shape_string),
    FIELD("jwt_policy_field_name", shape_string),
    FIELD("jwt_default_policies", shape_strings),
    FIELD("jwt_issued_at_validation_skew", shape_int),
    FIELD("jwt_expires_at_validation_skew", shape_int),
    FIELD("jwt_not_before_validation_skew", shape_int),
    FIELD("jwt_skip_kid", shape_bool),
    FIELD("scopes", scopes_shape),
    FIELD("idp_client_id_mapping_disabled", shape_bool),
    FIELD("jwt_scope_to_policy_mapping", shape_string_map),
    FIELD("jwt_scope_claim_name", shape_string),
    FIELD("notifications", notifications_shape),
    FIELD("enable_signature_checking", shape_bool),
    FIELD("hmac_allowed_clock_skew", shape_float),
    FIELD("hmac_allowed_algorithms", shape_strings),
    FIELD("request_signing", request_signing_shape),
    FIELD("base_identity_provided_by", shape_string),
    FIELD("definition", version_definition_shape),
    FIELD("version_data", classic_version_data_shape),
    FIELD("uptime_tests", uptime_tests_shape),
    FIELD("proxy", proxy_shape),
    FIELD("disable_rate_limit", shape_bool),
    FIELD("disable_quota", shape_bool),
    FIELD("custom_middleware", custom_middleware_shape),
    FIELD("custom_middleware_bundle", shape_string),
    FIELD("custom_middleware_bundle_disabled", shape_bool),
    FIELD("cache_options", cache_options_shape),
    FIELD_OMITTED("session_lifetime_respects_key_expiration", shape_bool, OMIT_EMPTY),
    FIELD("session_lifetime", shape_int),
    FIELD("active", shape_bool),
    FIELD("internal", shape_bool),
    FIELD("auth_provider", provider_shape),
    FIELD("session_provider", provider_shape),
    FIELD("event_handlers", event_handlers_shape),
    FIELD("enable_batch_request_support", shape_bool),
    FIELD("enable_ip_whitelisting", shape_bool),
    FIELD("allowed_ips", shape_strings),
    FIELD("enable_ip_blacklisting", shape_bool),
    FIELD("blacklisted_ips", shape_strings),
    FIELD("ip_access_control_disabled", shape_bool),
    FIELD("dont_set_quota_on_create", shape_bool),
    FIELD("expire_analytics_after", shape_int),
    FIELD("response_processors", response_processor_list),
    FIELD("CORS", cors_shape),
    FIELD("domain", shape_string),
    FIELD_OMITTED("domain_disabled", shape_bool, OMIT_EMPTY),
    FIELD("certificates", shape_strings),
    FIELD("do_not_track", shape_bool),
    FIELD("enable_context_vars", shape_bool),
    FIELD("config_data", shape_any_map),
    FIELD("config_data_disabled", shape_bool),
    FIELD("tag_headers", shape_lower_strings),
    FIELD("global_rate_limit", rate_limit_shape),
    FIELD("strip_auth_data", shape_bool),
    FIELD("enable_detailed_recording", shape_bool),
    FIELD("graphql", graphql_shape),
    FIELD("analytics_plugin", analytics_plugin_shape),
    FIELD_OMITTED("tags_disabled", shape_bool, OMIT_EMPTY),
    FIELD("tags", shape_strings),
    FIELD_OMITTED("is_oas", shape_bool, OMIT_EMPTY),
    FIELD("detailed_tracing", shape_bool),
    FIELD("upstream_auth", upstream_auth_shape),
    FIELD_OMITTED("security_requirements", shape_any_list, OMIT_EMPTY),
    FIELD("error_overrides", shape_any_map),
    FIELD("error_overrides_disabled", shape_bool),
};
const struct shape classic_shape = STRUCT_SHAPE(classic_fields);
const struct shape *const classic_proxy_shape = &proxy_shape;
