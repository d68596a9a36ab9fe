/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Limits
 *
 * Every bound on untrusted input, in one table. LIMITS_TABLE's columns are the field of struct
 * Limits, the setting's name in [Limits] of regentd.conf, its default, and the range a setting may
 * move it in. Sizes are bytes. uid 0 has only the limits of a connection, of a namespace and of a
 * message; every other limit is charged to the uid before anything is stored.
 */

#include <stdint.h>

#define LIMIT_KIB (UINT64_C(1) << 10)
#define LIMIT_MIB (UINT64_C(1) << 20)
#define LIMIT_GIB (UINT64_C(1) << 30)

/* Fixed by the formats and by D-Bus, so no settings. */
#define LIMIT_NAMESPACE_NAME_BYTES 200u
#define LIMIT_KEY_BYTES            255u
#define LIMIT_TYPE_BYTES           255u
#define LIMIT_VALUE_DEPTH          32u /* arrays, structs and variants inside one another */
#define LIMIT_REASON_BYTES         1024u
#define LIMIT_VETO_BYTES           512u      /* of a participant's reason, which is cut */
#define LIMIT_PATH_BYTES           255u      /* of an object path that is kept */
#define LIMIT_ANSWER_USEC          10000000u /* that a participant may take */
#define LIMIT_PREPARATION_USEC     10000000u /* for which a write waits for participants in all */
#define LIMIT_RELEASE_BYTES        64u /* of a kernel release; the kernel's own has at most these */
#define LIMIT_NAMESPACE_RELEASES   128u /* that a namespace has entries of */
#define LIMIT_COMMIT_NAMESPACES    256u
#define LIMIT_CONFIRM_USEC         UINT64_C(3600000000) /* within which to confirm a change */
#define LIMIT_COMMIT_ELEMENTS      131072u /* in its values; an array of numbers is one */
#define LIMIT_UNSURE_ELEMENTS      16384u  /* while it is not known whether the caller may write */

/* That comes on a channel; the buses' own is 32 MiB, too. */
#define LIMIT_CHANNEL_MESSAGE_BYTES (32 * LIMIT_MIB)

/* What is looked at to find out what has changed: changes, or keys where there are more of those. */
#define LIMIT_HISTORY_CHANGES 65536u
#define LIMIT_HISTORY_KEYS    262144u

/* Of lazy commits that are not on disk: more are not waited for, lest the sync take long. */
#define LIMIT_UNSYNCED_BYTES 4194304u

/* What files of namespaces.d may be; they are an administrator's. */
#define LIMIT_DECLARATION_FILES      4096u
#define LIMIT_DECLARATION_FILE_BYTES 1048576u
#define LIMIT_DECLARATION_ERRORS     100u  /* of one file that are told; the others are counted */
#define LIMIT_DECLARATION_KEYS       4096u /* sections that name a key */
#define LIMIT_DECLARATION_PATTERNS   64u   /* sections that name a pattern */

#define LIMITS_TABLE(LIMIT)                                                                       \
        /* one message */                                                                         \
        LIMIT(value_bytes, "ValueBytesMax", LIMIT_MIB, 1, 8 * LIMIT_MIB)                          \
        LIMIT(commit_bytes, "CommitBytesMax", 8 * LIMIT_MIB, 1, 24 * LIMIT_MIB)                   \
        LIMIT(commit_changes, "CommitChangesMax", 4096, 1, 1048576)                               \
        LIMIT(reply_bytes, "ReplyBytesMax", 2 * LIMIT_MIB, 4 * LIMIT_KIB, 24 * LIMIT_MIB)         \
        LIMIT(channel_reply_bytes, "ChannelReplyBytesMax", 16 * LIMIT_MIB, 4 * LIMIT_KIB,         \
              64 * LIMIT_MIB)                                                                     \
        LIMIT(managed_objects_bytes, "ManagedObjectsBytesMax", 4 * LIMIT_MIB, 4 * LIMIT_KIB,      \
              24 * LIMIT_MIB)                                                                     \
        LIMIT(introspection_keys, "IntrospectionKeysMax", 1024, 0, 16384)                         \
        LIMIT(signal_bytes, "SignalBytesMax", 64 * LIMIT_KIB, 0, LIMIT_MIB)                       \
        LIMIT(signal_value_bytes, "SignalValueBytesMax", 4 * LIMIT_KIB, 0, 64 * LIMIT_KIB)        \
        LIMIT(changed_bytes, "ChangedBytesMax", 256 * LIMIT_KIB, 0, LIMIT_MIB)                    \
        LIMIT(changed_value_bytes, "ChangedValueBytesMax", 64 * LIMIT_KIB, 0, LIMIT_MIB)          \
        /* one namespace */                                                                       \
        LIMIT(namespace_keys, "NamespaceKeysMax", 1048576, 1, UINT64_C(1) << 31)                  \
        LIMIT(namespace_bytes, "NamespaceBytesMax", 256 * LIMIT_MIB, 1, 1024 * LIMIT_GIB)         \
        LIMIT(namespace_participants, "NamespaceParticipantsMax", 16, 0, 256)                     \
        LIMIT(namespace_tombstones, "NamespaceTombstonesMax", 16384, 0, 1048576)                  \
        /* one connection */                                                                      \
        LIMIT(connection_calls, "ConnectionCallsMax", 64, 1, 65536)                               \
        LIMIT(connection_call_bytes, "ConnectionCallBytesMax", 32 * LIMIT_MIB, 1, 16 * LIMIT_GIB) \
        LIMIT(connection_unread_bytes, "ConnectionUnreadBytesMax", 4 * LIMIT_MIB, 64 * LIMIT_KIB, \
              64 * LIMIT_MIB)                                                                     \
        LIMIT(connection_unread_descriptors, "ConnectionUnreadDescriptorsMax", 2, 1, 64)          \
        LIMIT(channel_unread_bytes, "ChannelUnreadBytesMax", 16 * LIMIT_MIB, 64 * LIMIT_KIB,      \
              LIMIT_GIB)                                                                          \
        LIMIT(connection_session_keys, "ConnectionSessionKeysMax", 16384, 0, 65536)               \
        LIMIT(receipt_bytes, "ReceiptBytes", LIMIT_MIB, 4 * LIMIT_KIB, 16 * LIMIT_MIB)            \
        LIMIT(connection_watches, "ConnectionWatchesMax", 256, 0, 65536)                          \
        LIMIT(watch_bytes, "WatchUnacknowledgedBytesMax", 4 * LIMIT_MIB, 64 * LIMIT_KIB,          \
              64 * LIMIT_MIB)                                                                     \
        LIMIT(watch_commits, "WatchUnacknowledgedCommitsMax", 1024, 1, 65536)                     \
        /* one uid */                                                                             \
        LIMIT(uid_calls, "UidCallsMax", 128, 1, 65536)                                            \
        LIMIT(uid_call_bytes, "UidCallBytesMax", 64 * LIMIT_MIB, 1, 16 * LIMIT_GIB)               \
        LIMIT(uid_namespaces, "UidNamespacesMax", 256, 0, 1048576)                                \
        LIMIT(uid_keys, "UidKeysMax", 4194304, 0, UINT64_C(1) << 34)                              \
        LIMIT(uid_bytes, "UidBytesMax", LIMIT_GIB, 0, 1024 * LIMIT_GIB)                           \
        LIMIT(uid_tombstone_bytes, "UidTombstoneBytesMax", 16 * LIMIT_MIB, 0, 16 * LIMIT_GIB)     \
        LIMIT(uid_pending_changes, "UidPendingChangesMax", 16, 0, 4096)                           \
        LIMIT(uid_pending_bytes, "UidPendingBytesMax", 16 * LIMIT_MIB, 0, LIMIT_GIB)              \
        LIMIT(uid_unread_bytes, "UidUnreadBytesMax", 8 * LIMIT_MIB, 64 * LIMIT_KIB,               \
              96 * LIMIT_MIB)                                                                     \
        LIMIT(uid_unread_descriptors, "UidUnreadDescriptorsMax", 8, 1, 64)                        \
        LIMIT(uid_channels, "UidChannelsMax", 64, 0, 65536)                                       \
        LIMIT(uid_channel_unread_bytes, "UidChannelUnreadBytesMax", 64 * LIMIT_MIB,               \
              64 * LIMIT_KIB, 16 * LIMIT_GIB)                                                     \
        LIMIT(uid_view_memory, "UidViewMemoryMax", 256 * LIMIT_MIB, 0, 1024 * LIMIT_GIB)          \
        LIMIT(uid_watches, "UidWatchesMax", 1024, 0, 65536)                                       \
        LIMIT(uid_polkit_checks, "UidPolkitChecksMax", 8, 1, 100)                                 \
        LIMIT(uid_participant_calls, "UidParticipantCallsMax", 4, 1, 100)                         \
        /* the whole service */                                                                   \
        LIMIT(pending_changes, "PendingChangesMax", 256, 0, 16384)                                \
        LIMIT(pending_bytes, "PendingBytesMax", 64 * LIMIT_MIB, 0, 4 * LIMIT_GIB)                 \
        LIMIT(unread_bytes, "UnreadBytesMax", 64 * LIMIT_MIB, 64 * LIMIT_KIB, 96 * LIMIT_MIB)     \
        LIMIT(unread_descriptors, "UnreadDescriptorsMax", 32, 1, 64)                              \
        LIMIT(channels, "ChannelsMax", 512, 0, 65536)                                             \
        LIMIT(channels_unread_bytes, "ChannelsUnreadBytesMax", 256 * LIMIT_MIB, 64 * LIMIT_KIB,   \
              16 * LIMIT_GIB)                                                                     \
        LIMIT(view_memory, "ViewMemoryMax", 512 * LIMIT_MIB, 0, 1024 * LIMIT_GIB)                 \
        LIMIT(views, "ViewsMax", 16384, 0, 65536)                                                 \
        LIMIT(watches, "WatchesMax", 16384, 0, 65536)                                             \
        LIMIT(polkit_checks, "PolkitChecksMax", 48, 1, 100)                                       \
        LIMIT(participant_calls, "ParticipantCallsMax", 48, 1, 100)                               \
        LIMIT(receipts, "ReceiptsMax", 24, 1, 100)                                                \
        LIMIT(credential_calls, "CredentialCallsMax", 24, 1, 100)

typedef struct Limits {
#define LIMIT_FIELD(field, setting, standard, minimum, maximum) uint64_t field;
        LIMITS_TABLE(LIMIT_FIELD)
#undef LIMIT_FIELD
} Limits;

/* The defaults. */
void limits_init(Limits *limits);

typedef enum LimitsOutcome {
        LIMITS_E_UNKNOWN = 1,  /* no setting of this name */
        LIMITS_E_OUT_OF_RANGE, /* outside of what the setting may be */
} LimitsOutcome;

/* Sets the limit that @setting names. 0 or a LimitsOutcome. */
int limits_set(Limits *limits, const char *setting, uint64_t value);
