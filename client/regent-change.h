/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libregent: changes of several keys
 *
 * A RegentChange is put together without regentd, and then applied as one commit: wholly or not at all.
 * It can be applied again. What it is given it copies, or takes a reference of.
 */

#include "regent.h"

G_BEGIN_DECLS

/* Never NULL. */
RegentChange *regent_change_new(void);
RegentChange *regent_change_free(RegentChange *change);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RegentChange, regent_change_free)

/*
 * What these are given and cannot be sent (a text that is not UTF-8, a value of no D-Bus type) is told by
 * regent_change_apply(), with -EINVAL. What is said twice of a key counts as it was said last.
 */

/* The key gets this value, or is removed; one that is not there is passed over. */
void regent_change_set(RegentChange *change, const char *ns_name, const char *key, GVariant *value);
void regent_change_unset(RegentChange *change, const char *ns_name, const char *key);

/* Conflict unless the key was written last by the commit of @revision; 0: unless it is not there. */
void regent_change_expect(RegentChange *change,
                          const char *ns_name,
                          const char *key,
                          uint64_t revision);

/*
 * "persistent", "kernel", "runtime" or "session", of what is set: of one key; with NULL for it of all keys of the
 * namespace; with NULL for both of all. What says more counts more.
 */
void regent_change_set_class(RegentChange *change,
                             const char *ns_name,
                             const char *key,
                             const char *class_name);

/* All that is said of the namespace is about entries of this kernel release; "": of none. */
void regent_change_set_release(RegentChange *change, const char *ns_name, const char *release);

/* For the log, at most 1024 bytes. */
void regent_change_set_reason(RegentChange *change, const char *reason);

/* Lazily: the reply comes when it is visible, and it is on disk some seconds later. */
void regent_change_set_lazy(RegentChange *change, bool is_lazy);

/* It is undone unless regent_confirm() is called in time; at most an hour. 0: it need not be confirmed. */
void regent_change_set_confirm_timeout(RegentChange *change, uint64_t timeout_usec);

/*
 * Applies it. @flags: REGENT_APPLY_DRY_RUN, _CREATE_ONLY, _CHANGE_ONLY. @ret_result: an a{sv} as Manager.Apply
 * has it: changed and removed (u); of a dry run changed-keys, removed-keys and vetoes (a{sv}); token (s) and
 * deadline-usec (t) of what is to be confirmed. For g_variant_lookup(). Reply: (ta{sv}). What changes one namespace
 * alone, and is no dry run, is given to Apply of that namespace, which does the same.
 *
 * Conflict, KeyExists, NoSuchKey, NoSuchNamespace, Vetoed (the text says by whom and why), Timeout, Busy, TooBig,
 * QuotaExceeded, InvalidName, InvalidValue, ReadOnly, DiskFull, OutcomeUnknown.
 */
int regent_change_apply(Regent *regent,
                        const RegentChange *change,
                        uint64_t flags,
                        uint64_t *ret_revision,
                        GVariant **ret_result);
int regent_change_apply_async(Regent *regent,
                              const RegentChange *change,
                              uint64_t flags,
                              RegentOnReply on_reply,
                              void *userdata,
                              RegentCall **ret_call);

/* Keeps a change that is to be confirmed, or undoes it: @token of its result. NotConfirmed. Reply: (t). */
int regent_confirm(Regent *regent, const char *token, uint64_t *ret_revision);
int regent_confirm_async(Regent *regent,
                         const char *token,
                         RegentOnReply on_reply,
                         void *userdata,
                         RegentCall **ret_call);
int regent_cancel(Regent *regent, const char *token, uint64_t *ret_revision);
int regent_cancel_async(Regent *regent,
                        const char *token,
                        RegentOnReply on_reply,
                        void *userdata,
                        RegentCall **ret_call);

G_END_DECLS
