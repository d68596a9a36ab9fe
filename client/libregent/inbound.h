/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Inbound messages
 *
 * What regentd sends without being asked: signals for watches, and calls of participants. On the bus anybody may send
 * such, so there they count only where the sender is who has answered for the watch or the participant.
 */

#include "private.h"

Inbound *inbound_free(Inbound *inbound);

/* Takes note of who answers: of the reply that is being told. */
void inbound_note_reply(Regent *regent);

/* @watch is found by its link, path and number from now on. They must not change. */
void inbound_add_watch(Regent *regent, RegentWatch *watch);
void inbound_remove_watch(Regent *regent, RegentWatch *watch);

/* A path for regentd to call; @participant is found by it. */
char *inbound_add_participant(Regent *regent, RegentParticipant *participant);
void inbound_remove_participant(Regent *regent, const char *callback_path);

/* Few watches begin at once, as their answers may be large. False: it is told to begin when it is its turn. */
bool inbound_take_turn(Regent *regent, RegentWatch *watch);
void inbound_end_turn(Regent *regent, RegentWatch *watch);
