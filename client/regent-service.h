/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libregent: namespaces, and the service as a whole
 */

#include "regent.h"

G_BEGIN_DECLS

/* Names of the namespaces one may read, in order, as regent_list() lists keys. Reply: (as). */
int regent_list_namespaces(Regent *regent,
                           const char *prefix,
                           const char *after,
                           uint32_t limit,
                           char ***ret_ns_names);
int regent_list_namespaces_async(Regent *regent,
                                 const char *prefix,
                                 const char *after,
                                 uint32_t limit,
                                 RegentOnReply on_reply,
                                 void *userdata,
                                 RegentCall **ret_call);

/*
 * Makes a namespace. @options: an a{sv} as Manager.CreateNamespace has it (owner, group, mode, quota-keys,
 * quota-bytes), or NULL. NamespaceExists, InvalidName, QuotaExceeded, AccessDenied. Reply: (o).
 */
int regent_create_namespace(Regent *regent, const char *ns_name, GVariant *options);
int regent_create_namespace_async(Regent *regent,
                                  const char *ns_name,
                                  GVariant *options,
                                  RegentOnReply on_reply,
                                  void *userdata,
                                  RegentCall **ret_call);

/* Removes one. Conflict when it holds keys and @flags has no REGENT_REMOVE_NOT_EMPTY. Reply: (). */
int regent_remove_namespace(Regent *regent, const char *ns_name, uint64_t flags);
int regent_remove_namespace_async(Regent *regent,
                                  const char *ns_name,
                                  uint64_t flags,
                                  RegentOnReply on_reply,
                                  void *userdata,
                                  RegentCall **ret_call);

/* Changes owner, group, mode or quotas, as @options name them. Reply: (). */
int regent_set_access(Regent *regent, const char *ns_name, GVariant *options);
int regent_set_access_async(Regent *regent,
                            const char *ns_name,
                            GVariant *options,
                            RegentOnReply on_reply,
                            void *userdata,
                            RegentCall **ret_call);

/*
 * The properties of a namespace (Owner, Mode, Keys and others), or of the Manager with NULL (Revision, Epoch, State
 * and others): an a{sv}. Reply: (a{sv}).
 */
int regent_get_properties(Regent *regent, const char *ns_name, GVariant **ret_properties);
int regent_get_properties_async(Regent *regent,
                                const char *ns_name,
                                RegentOnReply on_reply,
                                void *userdata,
                                RegentCall **ret_call);

/* Returns when all that was acknowledged before is on disk, lazy changes too. ReadOnly, OutcomeUnknown. Reply: (t). */
int regent_flush(Regent *regent, uint64_t *ret_revision);
int regent_flush_async(Regent *regent,
                       RegentOnReply on_reply,
                       void *userdata,
                       RegentCall **ret_call);

/* An a{sv} of numbers, as Manager.GetStatistics has it; with REGENT_STATISTICS_CONNECTIONS more. Reply: (a{sv}). */
int regent_get_statistics(Regent *regent, uint64_t flags, GVariant **ret_statistics);
int regent_get_statistics_async(Regent *regent,
                                uint64_t flags,
                                RegentOnReply on_reply,
                                void *userdata,
                                RegentCall **ret_call);

G_END_DECLS
