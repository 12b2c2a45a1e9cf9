/*
 * ctl_doctor.h: `tacetctl doctor`: what is wrong, and what to do.
 *
 * ctl_doctor.c has the findings and what the daemon says, ctl_doctor_files.c what can be seen
 * without it, ctl_doctor_gateways.c the gateways.
 */
#ifndef COMPONENT_CTL_DOCTOR_H
#define COMPONENT_CTL_DOCTOR_H

#include "component/config.h"
#include "component/tacetctl_command.h"

/* Exit codes: EXIT_SUCCESS (ok, or warnings), EXIT_REFUSED (something failed), EXIT_USAGE. */
int ctl_doctor(const struct options *options, char **argv);

enum finding_state { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct doctor {
	const struct config *config;
	json_t *findings; /* {"check", "state", "text", "advice"} */
	json_t *status;   /* the daemon's; NULL: it does not run */
	const char *socket;
	unsigned failures;
};

/* Note one thing. text is a format; advice may be NULL. */
void doctor_note(struct doctor *doctor, enum finding_state state, const char *check,
		 const char *advice, const char *text, ...) __attribute__((format(printf, 5, 6)));

void doctor_tor_program(struct doctor *doctor);
void doctor_state_dir(struct doctor *doctor);
void doctor_disk(struct doctor *doctor);
void doctor_databases(struct doctor *doctor);
void doctor_certificate(struct doctor *doctor);
void doctor_port(struct doctor *doctor);
/* Through tor, which the daemon keeps. */
void doctor_gateways(struct doctor *doctor);

#endif
