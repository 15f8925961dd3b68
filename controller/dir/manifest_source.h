/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/yaml.h"

/*
 * The document that manifests were read from, counted: a list holds many. Private to
 * dir/manifest*.c.
 */
struct manifest_source {
    unsigned refs;
    struct yaml_document document;
};

/* Takes the contents of the document. */
struct manifest_source *manifest_source_new(const struct yaml_document *document);
struct manifest_source *manifest_source_ref(struct manifest_source *source);
void manifest_source_unref(struct manifest_source *source);
