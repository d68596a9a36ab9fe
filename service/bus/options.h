/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Options
 *
 * Reads the a{sv} and flags that calls carry. What is not known is an error, so that an option can
 * be added later without having been ignored before.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/*
 * Reads one entry, whose name has been read and whose variant is at the cursor. Anything but 0 ends
 * the reading; option_unknown() is the answer to a name that is not taken.
 */
typedef int (*OptionReader)(sd_bus_message *m,
                            const char *name,
                            void *userdata,
                            sd_bus_error *reterr_bus);

/* Reads an a{sv} at the cursor, in which no name stands twice. What @reader returned, or 0. */
int options_read(sd_bus_message *m, OptionReader reader, void *userdata, sd_bus_error *reterr_bus);

/* The same for an a{sv} that is the value of option @name. */
int option_read_dictionary(sd_bus_message *m,
                           const char *name,
                           OptionReader reader,
                           void *userdata,
                           sd_bus_error *reterr_bus);

int option_read_uint32(sd_bus_message *m,
                       const char *name,
                       uint32_t *ret_value,
                       sd_bus_error *reterr_bus);
int option_read_uint64(sd_bus_message *m,
                       const char *name,
                       uint64_t *ret_value,
                       sd_bus_error *reterr_bus);
int option_read_bool(sd_bus_message *m,
                     const char *name,
                     bool *ret_value,
                     sd_bus_error *reterr_bus);
/* Borrows from @m. */
int option_read_string(sd_bus_message *m,
                       const char *name,
                       const char **ret_value,
                       sd_bus_error *reterr_bus);

/* Enters the variant of option @name, which must hold @type. */
int option_enter(sd_bus_message *m, const char *name, const char *type, sd_bus_error *reterr_bus);

int option_unknown(const char *name, sd_bus_error *reterr_bus);

/* Reads a 't' at the cursor, of which only bits of @known may be set. */
int flags_read(sd_bus_message *m, uint64_t known, uint64_t *ret_flags, sd_bus_error *reterr_bus);
