/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Object paths
 *
 * A namespace's path has one element a label, so that path_namespace= matches a subtree of names.
 * Labels are legal path elements as they are: nothing is escaped.
 */

/* The path of namespace @name. */
char *object_path_of_namespace(const char *name);

/*
 * The labels behind REGENT_NAMESPACES_PATH joined by dots: "" for that path itself, NULL for one
 * outside. Not every one names a namespace: see namespace_name_is_valid().
 */
char *object_path_to_name(const char *path);
