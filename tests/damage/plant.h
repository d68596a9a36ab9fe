/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Plant
 *
 * Bugs that the campaign has to find, in a program linked with --wrap for what they change.
 */

typedef enum Plant {
        PLANT_NONE,
        PLANT_NO_CHECKSUM,  /* a record's payload is taken as it is */
        PLANT_TEAR,         /* damage is taken for a torn tail */
        PLANT_NO_EVIDENCE,  /* nothing is kept in damaged/ */
        PLANT_OLD_MANIFEST, /* an older manifest is taken for the newest */
        N_PLANTS,
} Plant;

void plant(Plant bug);
