/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libregent
 *
 * Calls regentd, and does what comes and goes with it: the direct channel where there is one, the bus
 * where not, and both again when regentd, or the bus, was started anew.
 *
 * What a function does to the service is said with the D-Bus member it is for, in
 * org.regentd.State1(5); here is what comes to it. Strings are UTF-8. Values are GVariants of D-Bus
 * types, without file descriptors. Times are microseconds.
 *
 * Errors. A function that can fail returns 0, or a negative errno and sets nothing. What failed last on
 * a Regent is told by regent_error_name() and regent_error_text(). These names are of regentd:
 *
 *      NoSuchNamespace, NoSuchKey      -ENOENT         Busy            -EBUSY
 *      NamespaceExists, KeyExists      -EEXIST         ReadOnly        -EROFS
 *      InvalidName, InvalidValue       -EINVAL         DiskFull        -ENOSPC
 *      TooBig                          -E2BIG          OutcomeUnknown  -EIO
 *      QuotaExceeded                   -EDQUOT         NotConfirmed    -ECANCELED
 *      Conflict, HistoryLost           -ESTALE         Vetoed          -EPERM
 *      Timeout                         -ETIMEDOUT
 *
 * and these of D-Bus: AccessDenied and InteractiveAuthorizationRequired -EACCES, InvalidArgs -EINVAL,
 * LimitsExceeded -ENOBUFS, ServiceUnknown -EHOSTUNREACH (there is no regentd), Disconnected -ECONNRESET
 * (regentd went, and what was asked can be asked again). A write that was sent, and of which nobody can say
 * what became, is OutcomeUnknown: read again. All functions may also fail with -EINVAL for arguments that
 * cannot be sent, -E2BIG (TooBig) for those that do not fit into a message of 32 MiB, which is what regentd and the
 * bus take, -ENOTCONN before regent_open(), and -ECHILD in a child process.
 *
 * Ownership. What comes as ret_x is the caller's: g_variant_unref(), g_strfreev(). Every ret_x may be
 * NULL. A floating GVariant that is given to a function is consumed, also when it fails. What callbacks are
 * given is borrowed until they return.
 *
 * Threads. A Regent, with all that was made of it, is used by one thread at a time; several of them do not
 * know of each other. Not after fork() by the child.
 */

#include "regent-names.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct Regent Regent;
typedef struct RegentCall RegentCall;
typedef struct RegentChange RegentChange;

/*
 * The connection
 */

/* Never NULL. It is connected by regent_open(). */
Regent *regent_new(void);

/*
 * Ends everything that was made of it: calls under way fail with -ECANCELED, and no callback is called
 * after that. What was sent may still be done. Returns NULL; @regent may be NULL. May be called in a callback.
 */
Regent *regent_free(Regent *regent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Regent, regent_free)

/* Before regent_open(): another bus than the system bus. A D-Bus address. */
void regent_set_address(Regent *regent, const char *address);

/* Before regent_open(): everything goes over the bus, which may then be one without descriptors, by ssh for example. */
#define REGENT_BUS_ONLY UINT64_C(1)
void regent_set_flags(Regent *regent, uint64_t flags);

/*
 * How long a call waits for its reply; 25 s unless set. It holds for calls that are made later. One without _async
 * waits no longer in all, with what connecting and starting regentd take.
 */
void regent_set_timeout(Regent *regent, uint64_t timeout_usec);

/*
 * Whether polkit may ask somebody for a password: no, unless set. A call that needs that is made once more
 * over the bus, and waits for five minutes then.
 */
void regent_set_interactive(Regent *regent, bool is_interactive);

/*
 * Connects to the bus. regentd need not run: the first call starts it, where the bus knows how. -ENOENT,
 * -ECONNREFUSED and others of connect(2): there is no bus, and it may be tried again. -EISCONN when it is open.
 */
int regent_open(Regent *regent);

/* Unique name on the bus, which polkit and others know the program by; NULL while there is none. Borrowed. */
const char *regent_unique_name(Regent *regent);

/* Whether calls go over the channel now. */
bool regent_has_channel(Regent *regent);

/*
 * Name ("org.regentd.State1.Error.NoSuchKey") and text of what failed last, of the call when it is asked in a
 * callback that got a negative result; NULL when nothing has. Borrowed until the next call of any other function.
 */
const char *regent_error_name(const Regent *regent);
const char *regent_error_text(const Regent *regent);

/* regentd has left (@is_there is false) or is there again. Calls that were under way have failed before. */
typedef void (*RegentOnPresence)(Regent *regent, bool is_there, void *userdata);
void regent_set_on_presence(Regent *regent, RegentOnPresence on_presence, void *userdata);

/*
 * In a poll loop: ask regent_timeout() right before each poll(2) of regent_fd() for regent_events(), and call
 * regent_process() afterwards. All callbacks are called from within regent_process() and regent_wait().
 */

/* -ENOTCONN before regent_open(); then it stays the same, whatever regentd and the bus do. */
int regent_fd(Regent *regent);
int regent_events(Regent *regent);

/* How long poll(2) may sleep: 0 when there is something to do, else UINT64_MAX. */
int regent_timeout(Regent *regent, uint64_t *ret_timeout_usec);

/* Does what there is to do, and never waits. */
int regent_process(Regent *regent);

/* poll(2) and regent_process(): 0; -ETIMEDOUT when nothing was to be done by then; -EINTR. UINT64_MAX: for ever. */
int regent_wait(Regent *regent, uint64_t timeout_usec);

/*
 * The same for a GMainContext: attach it there, g_source_destroy() it before regent_free(), unref it. NULL where the
 * others fail with -ENOTCONN or -ECHILD.
 */
GSource *regent_source_new(Regent *regent);

/*
 * Calls
 *
 * A function without _async waits for the reply, and calls no callback meanwhile; it may be called in a
 * callback. The form with _async returns at once, a negative errno when nothing was sent and nothing will be.
 * Else its callback is called once, never before it returned. Calls are made in the order of the functions, and
 * writes take effect in that order. Calls over the bus and the channel keep it too.
 */

/* @result: 0 and @reply, a tuple of all that the D-Bus member gives; or a negative errno, and NULL. */
typedef void (*RegentOnReply)(Regent *regent, int result, GVariant *reply, void *userdata);

/*
 * A call under way is good until its callback returns. This ends it before: the callback is not called, and what
 * was asked of regentd may be done or not. Returns NULL; @call may be NULL.
 */
RegentCall *regent_call_cancel(RegentCall *call);

/*
 * Calls any member of an object of regentd. @arguments: a tuple, or NULL for none. @reply_type: of the reply, a
 * tuple, "()" for none; another reply fails with -EBADMSG. @on_reply may be NULL with userdata NULL.
 */
int regent_call(Regent *regent,
                const char *path,
                const char *interface_name,
                const char *member,
                GVariant *arguments,
                const char *reply_type,
                GVariant **ret_reply);
int regent_call_async(Regent *regent,
                      const char *path,
                      const char *interface_name,
                      const char *member,
                      GVariant *arguments,
                      const char *reply_type,
                      RegentOnReply on_reply,
                      void *userdata,
                      RegentCall **ret_call);

/*
 * The same of a reply with one descriptor, which is the caller's to close: Manager.Backup. An h in the reply is 0;
 * -EINVAL for a @reply_type that has no h among its members.
 */
int regent_call_for_fd(Regent *regent,
                       const char *path,
                       const char *interface_name,
                       const char *member,
                       GVariant *arguments,
                       const char *reply_type,
                       GVariant **ret_reply,
                       int *ret_fd);

/* @fd is good until it returns, for dup(2); -1 where there is no reply. */
typedef void (*RegentOnReplyForFd)(
        Regent *regent, int result, GVariant *reply, int fd, void *userdata);
int regent_call_for_fd_async(Regent *regent,
                             const char *path,
                             const char *interface_name,
                             const char *member,
                             GVariant *arguments,
                             const char *reply_type,
                             RegentOnReplyForFd on_reply,
                             void *userdata,
                             RegentCall **ret_call);

/* The object path of a namespace; -EINVAL (InvalidName), for which it needs no connection. g_free() it. */
int regent_namespace_path(Regent *regent, const char *ns_name, char **ret_path);

/*
 * Entries
 */

/* The value of a key. NoSuchKey, NoSuchNamespace. Reply: (v). */
int regent_get(Regent *regent, const char *ns_name, const char *key, GVariant **ret_value);
int regent_get_async(Regent *regent,
                     const char *ns_name,
                     const char *key,
                     RegentOnReply on_reply,
                     void *userdata,
                     RegentCall **ret_call);

/*
 * Sets one key. It is durable when this returns, with all that was written before. Reply: (t), the revision.
 *
 * This, regent_delete() and regent_change_apply() of one namespace cost least over a channel on which nothing else is
 * under way, and which no watch and no participant of this Regent uses: a value of a basic type, all text in ASCII,
 * less than a kilobyte. A program that writes often and watches as well may do so with two Regents. After a call that
 * took too long its reply is still to come, and regent_process() takes it; until then these cost what others do.
 */
int regent_set(Regent *regent,
               const char *ns_name,
               const char *key,
               GVariant *value,
               uint64_t *ret_revision);
int regent_set_async(Regent *regent,
                     const char *ns_name,
                     const char *key,
                     GVariant *value,
                     RegentOnReply on_reply,
                     void *userdata,
                     RegentCall **ret_call);

/* Removes a key; NoSuchKey. Reply: (t), the revision. */
int regent_delete(Regent *regent, const char *ns_name, const char *key, uint64_t *ret_revision);
int regent_delete_async(Regent *regent,
                        const char *ns_name,
                        const char *key,
                        RegentOnReply on_reply,
                        void *userdata,
                        RegentCall **ret_call);

/*
 * Many keys at one revision. @keys: NULL or none of them for all; a key that is not there is left out. @options: an
 * a{sv} as Namespace.GetMany has it (prefix, after, limit, only, form, release), or NULL. @ret_values: an a{sv}.
 * Reply: (a{sv}t).
 */
int regent_get_many(Regent *regent,
                    const char *ns_name,
                    const char *const *keys,
                    GVariant *options,
                    GVariant **ret_values,
                    uint64_t *ret_revision);
int regent_get_many_async(Regent *regent,
                          const char *ns_name,
                          const char *const *keys,
                          GVariant *options,
                          RegentOnReply on_reply,
                          void *userdata,
                          RegentCall **ret_call);

/* Names of keys, in order. NULL for @prefix and @after: all, from the first. @limit 0: no limit. Reply: (ast). */
int regent_list(Regent *regent,
                const char *ns_name,
                const char *prefix,
                const char *after,
                uint32_t limit,
                char ***ret_keys,
                uint64_t *ret_revision);
int regent_list_async(Regent *regent,
                      const char *ns_name,
                      const char *prefix,
                      const char *after,
                      uint32_t limit,
                      RegentOnReply on_reply,
                      void *userdata,
                      RegentCall **ret_call);

/* What is known of a key: an a{sv} as Namespace.Describe has it. Reply: (a{sv}). */
int regent_describe(Regent *regent, const char *ns_name, const char *key, GVariant **ret_facts);
int regent_describe_async(Regent *regent,
                          const char *ns_name,
                          const char *key,
                          RegentOnReply on_reply,
                          void *userdata,
                          RegentCall **ret_call);

/*
 * What has changed below @prefix (NULL: anywhere) since a revision of @epoch (NULL: not checked): an a{sv} of what
 * was set, and what was removed. HistoryLost: read all. Reply: (a{sv}ast).
 */
int regent_get_changes(Regent *regent,
                       const char *ns_name,
                       const char *prefix,
                       uint64_t since_revision,
                       const char *epoch,
                       GVariant **ret_changed,
                       char ***ret_removed,
                       uint64_t *ret_revision);
int regent_get_changes_async(Regent *regent,
                             const char *ns_name,
                             const char *prefix,
                             uint64_t since_revision,
                             const char *epoch,
                             RegentOnReply on_reply,
                             void *userdata,
                             RegentCall **ret_call);

G_END_DECLS

#include "regent-change.h"
#include "regent-follow.h"
#include "regent-service.h"
#include "regent-shared.h"
