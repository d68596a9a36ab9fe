/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libregent: being told of changes, and having a say in them
 */

#include "regent.h"

G_BEGIN_DECLS

typedef struct RegentWatch RegentWatch;
typedef struct RegentParticipant RegentParticipant;

/*
 * Watches
 *
 * A watch tells what a namespace holds, and then every commit that changes that, in order and once, over
 * restarts of regentd and of the bus: whoever has taken in what he was told has the state of one revision.
 */

typedef enum RegentWatchEventKind {
        REGENT_WATCH_STATE =
                1, /* all there is, in values: what one had of the namespace is to be forgotten */
        REGENT_WATCH_CHANGE, /* a commit: what was set, in values, and removed */
        REGENT_WATCH_GONE, /* the namespace is not there any more, or may not be read: it has nothing */
        REGENT_WATCH_LIVE, /* all there was has been told; from here on it is told as it happens */
        REGENT_WATCH_AWAY, /* regentd has left: nothing is told until LIVE */
        REGENT_WATCH_ENDED, /* cannot go on: result, and regent_error_name(). Nothing is told any more */
} RegentWatchEventKind;

/* Later versions may add kinds, which are to be passed over, and members at the end. All is borrowed. */
typedef struct RegentWatchEvent {
        RegentWatchEventKind kind;
        int result;                 /* of ENDED: negative errno */
        const char *ns_name;        /* of STATE, CHANGE and GONE */
        uint64_t previous;          /* of CHANGE: revision of what it is a change of */
        uint64_t revision;          /* of STATE, CHANGE and LIVE */
        GVariant *values;           /* of STATE and CHANGE: a{sv} */
        const char *const *removed; /* of CHANGE: keys, a NULL at the end */
        bool is_merged; /* of CHANGE: it is what several commits come to, which were not told one by one */
        const char *
                position; /* to go on from, see regent_watch_set_position(), when this is dealt with; or NULL */
        bool is_afresh; /* of STATE: what has changed since what was told, or the position, is not known any more */
} RegentWatchEvent;

typedef void (*RegentOnWatch)(RegentWatch *watch, const RegentWatchEvent *event, void *userdata);

/*
 * Of the keys of a namespace; or, by prefix, of all namespaces whose names begin so and that one may read by
 * uid, owner, group and mode, those that come later too. Never NULL. It begins with regent_watch_start().
 */
RegentWatch *regent_watch_new(Regent *regent,
                              const char *ns_name,
                              RegentOnWatch on_event,
                              void *userdata);
RegentWatch *regent_watch_new_by_prefix(Regent *regent,
                                        const char *ns_prefix,
                                        RegentOnWatch on_event,
                                        void *userdata);

/* Ends it: on_event is not called any more. May be called in on_event. Returns NULL; @watch may be NULL. */
RegentWatch *regent_watch_free(RegentWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RegentWatch, regent_watch_free)

/* Before regent_watch_start(). Only keys that begin with @prefix; not for watches by prefix of names. */
void regent_watch_set_prefix(RegentWatch *watch, const char *prefix);

/* Before it. Goes on from the position of an event that was told to an earlier watch of the same, of another process
   too. What changed since comes first, as one CHANGE a namespace; or, where nobody knows that any more, STATE. */
void regent_watch_set_position(RegentWatch *watch, const char *position);

/* Before it. A namespace that is not there or may not be read is waited for, and so is regentd; else that is ENDED. */
void regent_watch_set_patient(RegentWatch *watch, bool is_patient);

/* Before it. What was told is dealt with when regent_watch_acknowledge() says so, and not when on_event returns. */
void regent_watch_set_acknowledged(RegentWatch *watch, bool is_acknowledged);

/* Returns at once. -EALREADY; -EINVAL. All else is told as an event. */
int regent_watch_start(RegentWatch *watch);

/*
 * What was told up to this revision is dealt with. Who leaves too much open is told no more until then. -EINVAL:
 * there is nothing to acknowledge, for it is not said that it would be, or has ended.
 */
int regent_watch_acknowledge(RegentWatch *watch, uint64_t revision);

/*
 * Participants
 *
 * A participant is asked before keys below its prefix change, and agrees or objects; then it is told
 * what has become of it. It is registered again whenever regentd is back. Until it has answered, writes of this
 * Regent are refused with Busy, and one that it makes with a function that waits, to keys that it is asked
 * about itself, ends in Timeout: use the form with _async.
 */

typedef enum RegentParticipantEventKind {
        REGENT_PARTICIPANT_REGISTERED =
                1, /* values, revision: what there is. What was not decided before is off */
        REGENT_PARTICIPANT_PREPARE, /* it is asked; regent_participant_agree() or _object() is to follow */
        REGENT_PARTICIPANT_COMMIT, /* the change is made; with no transaction: one that it was not asked about is, read again */
        REGENT_PARTICIPANT_ABORT, /* it is not made */
        REGENT_PARTICIPANT_AWAY, /* it is not registered: regentd has left, or did not get an answer in time */
        REGENT_PARTICIPANT_REFUSED, /* it cannot register: result, and regent_error_name(). It goes on trying */
} RegentParticipantEventKind;

/* Likewise. */
typedef struct RegentParticipantEvent {
        RegentParticipantEventKind kind;
        int result;              /* of REFUSED: negative errno */
        const char *transaction; /* of PREPARE, COMMIT (NULL: see there) and ABORT */
        const char *ns_name;
        GVariant *
                values; /* of REGISTERED: all below the prefix; of PREPARE: what is to be set: a{sv} */
        const char *const *removed; /* of PREPARE: keys that are to be removed */
        GVariant *current;          /* of PREPARE: a{sv}, what those keys hold now */
        uint64_t revision;          /* of REGISTERED and COMMIT */
        uint64_t timeout_usec;      /* of PREPARE: within which to answer */
} RegentParticipantEvent;

typedef void (*RegentOnParticipant)(RegentParticipant *participant,
                                    const RegentParticipantEvent *event,
                                    void *userdata);

/* @prefix NULL: of all keys. Never NULL. It begins with regent_participant_start(). */
RegentParticipant *regent_participant_new(Regent *regent,
                                          const char *ns_name,
                                          const char *prefix,
                                          RegentOnParticipant on_event,
                                          void *userdata);

/* Unregisters; what it is asked about counts as it does when a participant leaves. As regent_watch_free(). */
RegentParticipant *regent_participant_free(RegentParticipant *participant);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RegentParticipant, regent_participant_free)

/* Before it is started. When it leaves while it is asked, the others decide. */
void regent_participant_set_optional(RegentParticipant *participant, bool is_optional);

/* Before it is started. Within which it answers, at most 10 s; 5 s unless set. */
void regent_participant_set_timeout(RegentParticipant *participant, uint64_t timeout_usec);

/* Returns at once. -EALREADY; -EINVAL. All else is told as an event. */
int regent_participant_start(RegentParticipant *participant);

/*
 * Answers a PREPARE, in on_event or later. @reason reaches the writer, 512 bytes of it. -ENOENT: nothing is asked
 * any more under that name.
 */
int regent_participant_agree(RegentParticipant *participant, const char *transaction);
int regent_participant_object(RegentParticipant *participant,
                              const char *transaction,
                              const char *reason);

G_END_DECLS
