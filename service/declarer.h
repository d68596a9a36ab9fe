/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Declarer
 *
 * Puts into force what the files of namespaces.d say, at the start and at each reload: all of them are
 * read first; then the new declarations take the place of the old ones, at once where the access is the
 * declared one; then namespaces that are not there are made, and those whose access is another are
 * given the declared one, each by a commit of its own. With that their rules and defaults come.
 */

#include "core/limits.h"
#include "core/pipeline.h"
#include "core/state.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Declarer Declarer;

typedef struct DeclarerOptions {
        State *state; /* borrowed, as is everything here */
        Pipeline *pipeline;
        const Limits *limits;
        const char *const *directories; /* NULL: the standard ones */

        /* The declarations are in force for the first time, and nothing follows from it yet. May be NULL. */
        void (*on_first)(void *userdata);

        /* @ns has another declaration now, or none. */
        void (*on_declared)(void *userdata, Namespace *ns);

        void *userdata;
} DeclarerOptions;

Declarer *declarer_new(const DeclarerOptions *options);
Declarer *declarer_free(Declarer *declarer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Declarer, declarer_free)

/* Reads all files and puts them into force; the commits that takes may still be under way then. */
void declarer_load(Declarer *declarer);

/* Whether commits that follow from it are. */
bool declarer_is_under_way(const Declarer *declarer);

/*
 * Calls @on_done when no commit of the declarer's is under way any more, now if there is none: with
 * 0, or with -ECANCELED when the declarer goes first.
 */
typedef void (*DeclarerDone)(void *userdata, int r);
void declarer_when_done(Declarer *declarer, DeclarerDone on_done, void *userdata);

/* The pipeline's reconsider(), of a request whose userdata is the declarer. */
void declarer_reconsider(Declarer *declarer, Request *reservation);

/* What the last load found wrong, DECLARATION_ERRORS_MAX at most: a floating "as" of "FILE:LINE: text". */
GVariant *declarer_errors(const Declarer *declarer);
