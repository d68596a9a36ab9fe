/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What Regent is called on the bus
 *
 * Names, paths, interfaces, errors, polkit actions and flags: the part of the interface that is spelt
 * out in strings and bits. regentd and its clients compile the same file, so nothing is written twice.
 * The members of the interfaces are documented in org.regentd.State1.*.xml.
 */

#define REGENT_BUS_NAME "org.regentd.State1"

/* Manager and ObjectManager are on the first; each namespace is below the second, an element a label. */
#define REGENT_PATH            "/org/regentd/State1"
#define REGENT_NAMESPACES_PATH "/org/regentd/State1/ns"

#define REGENT_MANAGER_INTERFACE   "org.regentd.State1.Manager"
#define REGENT_NAMESPACE_INTERFACE "org.regentd.State1.Namespace"
#define REGENT_VALUES_INTERFACE    "org.regentd.State1.Values"

/* Exported by clients that have a say in changes, at a path of their own */
#define REGENT_PARTICIPANT_INTERFACE "org.regentd.State1.Participant"

/* Errors of Regent's own; everything else is a standard org.freedesktop.DBus.Error. */
#define REGENT_ERROR_PREFIX "org.regentd.State1.Error."

#define REGENT_ERROR_NO_SUCH_NAMESPACE REGENT_ERROR_PREFIX "NoSuchNamespace"
#define REGENT_ERROR_NAMESPACE_EXISTS  REGENT_ERROR_PREFIX "NamespaceExists"
#define REGENT_ERROR_NO_SUCH_KEY       REGENT_ERROR_PREFIX "NoSuchKey"
#define REGENT_ERROR_KEY_EXISTS        REGENT_ERROR_PREFIX "KeyExists"
#define REGENT_ERROR_INVALID_NAME      REGENT_ERROR_PREFIX "InvalidName"
#define REGENT_ERROR_INVALID_VALUE     REGENT_ERROR_PREFIX "InvalidValue"
#define REGENT_ERROR_TOO_BIG           REGENT_ERROR_PREFIX "TooBig"
#define REGENT_ERROR_QUOTA_EXCEEDED    REGENT_ERROR_PREFIX "QuotaExceeded"
#define REGENT_ERROR_CONFLICT          REGENT_ERROR_PREFIX "Conflict"
#define REGENT_ERROR_VETOED            REGENT_ERROR_PREFIX "Vetoed"
#define REGENT_ERROR_TIMEOUT           REGENT_ERROR_PREFIX "Timeout"
#define REGENT_ERROR_BUSY              REGENT_ERROR_PREFIX "Busy"
#define REGENT_ERROR_HISTORY_LOST      REGENT_ERROR_PREFIX "HistoryLost"
#define REGENT_ERROR_READ_ONLY         REGENT_ERROR_PREFIX "ReadOnly"
#define REGENT_ERROR_DISK_FULL         REGENT_ERROR_PREFIX "DiskFull"
#define REGENT_ERROR_OUTCOME_UNKNOWN   REGENT_ERROR_PREFIX "OutcomeUnknown"
#define REGENT_ERROR_NOT_CONFIRMED     REGENT_ERROR_PREFIX "NotConfirmed"

/* polkit actions, asked where neither uid 0 nor owner, group and mode of the namespace decide */
#define REGENT_ACTION_READ        "org.regentd.state1.read"
#define REGENT_ACTION_WRITE       "org.regentd.state1.write"
#define REGENT_ACTION_MANAGE      "org.regentd.state1.manage"
#define REGENT_ACTION_PARTICIPATE "org.regentd.state1.participate"

/* Details of every polkit question, which rules see with action.lookup() */
#define REGENT_DETAIL_NAMESPACE "namespace"
#define REGENT_DETAIL_VERB      "verb"  /* the D-Bus member that was called */
#define REGENT_DETAIL_OWNER     "owner" /* uid in decimal; empty for a namespace that is not there */
#define REGENT_DETAIL_GROUP     "group" /* gid in decimal; likewise */

/* Flags of Apply, on Namespace and on Manager */
#define REGENT_APPLY_DRY_RUN     1
#define REGENT_APPLY_CREATE_ONLY 2
#define REGENT_APPLY_CHANGE_ONLY 4

/* Flags of Namespace.RegisterParticipant */
#define REGENT_PARTICIPANT_OPTIONAL 1

/* Flags of Watch, on Namespace and on Manager */
#define REGENT_WATCH_ACKNOWLEDGED 1

/* Flags of Manager.RemoveNamespace */
#define REGENT_REMOVE_NOT_EMPTY 1

/* Manager.GetStatistics */
#define REGENT_STATISTICS_CONNECTIONS 1

/* Sources of Manager.Restore */
#define REGENT_SOURCE_LAST_KNOWN_GOOD "last-known-good"

/* Group of a namespace that has none */
#define REGENT_NO_GROUP 4294967295U
