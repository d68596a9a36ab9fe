/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Agent
 *
 * pkttyagent, which asks for passwords on the terminal on polkit's behalf while regentctl waits.
 */

#include "failure.h"

#include <stdbool.h>

typedef struct Agent Agent;

/* Starts it and returns when it is registered. @address: of the bus where polkit is, NULL: the system bus. */
gboolean agent_start(const char *address, Agent **ret_agent, Failure **reterr);
Agent *agent_free(Agent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Agent, agent_free)

/* Whether somebody is there who could be asked. */
bool agent_may_ask(void);
