/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Log control
 *
 * org.freedesktop.LogControl1, the standard interface behind "systemctl service-log-level": everybody
 * may read how much regentd logs and where to; changing it is action MANAGE. A level set here counts
 * until the configuration is read anew or regentd ends.
 */

#include "bus/bus-service.h"

int log_control_export(BusService *service, sd_bus *bus);
