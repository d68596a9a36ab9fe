/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What regent-store and regentctl say to each other
 *
 * regent-store works on state directories without a daemon; regentctl starts it, and prints what it
 * says. Both compile this file and are installed together, so it has no version.
 *
 * A stream is messages: eight bytes, the length n, little endian; n bytes, a GVariant (sv) in this
 * machine's byte order, which are the message's name and its body; zeros up to a multiple of eight.
 *
 *     standard output of
 *       verify    file…, verdict
 *       dump      namespace and its entry…, again and again; loaded
 *       load      as dump; then, when standard input has been read, done
 *       recover   done
 *       any       failure, at whatever place, and nothing after it
 *     standard input of
 *       load      create, set, unset and commit as often as there is something; end. What is of one
 *                 namespace and of several releases is of several commits
 *
 * A stream that ends without its last message was cut off: the program was killed.
 */

/* Names, and the types of bodies. */
#define REGENT_STORE_FILE           "file"
#define REGENT_STORE_FILE_TYPE      "a{sv}"
#define REGENT_STORE_VERDICT        "verdict"
#define REGENT_STORE_VERDICT_TYPE   "a{sv}"
#define REGENT_STORE_NAMESPACE      "namespace"
#define REGENT_STORE_NAMESPACE_TYPE "(suuutt)" /* name, owner, group, mode, quotas as given */
#define REGENT_STORE_ENTRY          "entry"
#define REGENT_STORE_ENTRY_TYPE     "(svsst)" /* key, value, class, release or "", revision */
#define REGENT_STORE_LOADED         "loaded"
#define REGENT_STORE_LOADED_TYPE    "a{sv}"
#define REGENT_STORE_DONE           "done"
#define REGENT_STORE_DONE_TYPE      "a{sv}"
#define REGENT_STORE_FAILURE        "failure"
#define REGENT_STORE_FAILURE_TYPE   "(sss)" /* status, text, hint or "" */

#define REGENT_STORE_CREATE      "create"
#define REGENT_STORE_CREATE_TYPE REGENT_STORE_NAMESPACE_TYPE
#define REGENT_STORE_SET         "set"
#define REGENT_STORE_SET_TYPE    "(sssvs)" /* namespace, release or "", key, value, class or "" */
#define REGENT_STORE_UNSET       "unset"
#define REGENT_STORE_UNSET_TYPE  "(sss)" /* namespace, release or "", key */
#define REGENT_STORE_COMMIT      "commit"
#define REGENT_STORE_COMMIT_TYPE "s" /* reason, or "" */
#define REGENT_STORE_END         "end"
#define REGENT_STORE_END_TYPE    "b"

/* Larger than any value that may be kept. */
#define REGENT_STORE_MESSAGE_BYTES_MAX (64u << 20)

/* Statuses of a failure: what regentctl calls its exit statuses. */
#define REGENT_STORE_USAGE     "usage"
#define REGENT_STORE_NOT_FOUND "not-found"
#define REGENT_STORE_DENIED    "denied"
#define REGENT_STORE_CONFLICT  "conflict"
#define REGENT_STORE_REFUSED   "refused"
#define REGENT_STORE_INVALID   "invalid"
#define REGENT_STORE_OTHER     "other"

/* Verdicts on a file, and on all of a directory. */
#define REGENT_STORE_WHOLE   "whole"
#define REGENT_STORE_TORN    "torn"    /* whole, but for an end that nobody was told was on disk */
#define REGENT_STORE_DAMAGED "damaged" /* something that was on disk is missing */
#define REGENT_STORE_NEWER   "newer"   /* written by a later version */
