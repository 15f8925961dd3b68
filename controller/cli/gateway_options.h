/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "cli/options.h"

/*
 * How gateways are reached and what they allow: the same options for every command that does so.
 * `values` is a struct with these members:
 *
 *     struct option_texts gateway_urls;
 *     char *gateway_secret_file;
 *     char *gateway_ca_file;
 *     bool gateway_insecure;
 *     bool gateway_jsvm;
 *     bool gateway_kv_references;
 *     char *gateway_version;
 *     bool gateway_allow_adoption;
 */
/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in them */
#define GATEWAY_OPTIONS(values)                                                                    \
    {"gateway-url", OPTION_TEXTS, offsetof(values, gateway_urls), NULL, "URL",                     \
     "default context: base URL of a gateway [$TYK_URL]", false},                                  \
    {"gateway-secret-file", OPTION_TEXT, offsetof(values, gateway_secret_file), NULL, "FILE",      \
     "the gateways' X-Tyk-Authorization, which a run re-reads on change [$TYK_AUTH]", false},      \
    {"gateway-ca-file", OPTION_TEXT, offsetof(values, gateway_ca_file), NULL, "FILE",              \
     "CA certificates that gateways are verified with [the system's]", false},                     \
    {"gateway-insecure", OPTION_BOOL, offsetof(values, gateway_insecure), "false", NULL,           \
     "do not verify the certificates of gateways", false},                                         \
    {"gateway-jsvm", OPTION_BOOL, offsetof(values, gateway_jsvm), "false", NULL,                   \
     "the gateways run JavaScript handlers (enable_jsvm)", false},                                 \
    {"gateway-kv-references", OPTION_BOOL, offsetof(values, gateway_kv_references), "false", NULL, \
     "definitions may refer to the gateways' own secrets (env://, secrets://, …)", false},         \
    {"gateway-version", OPTION_TEXT, offsetof(values, gateway_version), NULL, "X.Y",               \
     "version of the gateways, for warnings about what they do not know yet", false},              \
    {"gateway-allow-adoption", OPTION_BOOL, offsetof(values, gateway_allow_adoption), "false",     \
     NULL, "default context: APIs that say so may take over definitions of somebody else", false}
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */
