/*
 * tacetctl_print.h: tacetd's answers for people: lists, ids with QR code, the status.
 *
 * Names and status texts come from contacts: what could steer a terminal is replaced.
 */
#ifndef COMPONENT_TACETCTL_PRINT_H
#define COMPONENT_TACETCTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Each takes the whole answer to its command. */
void print_account_added(const json_t *answer, FILE *out);
void print_accounts(const json_t *answer, FILE *out);
void print_id(const json_t *answer, FILE *out);
void print_contact_added(const json_t *answer, FILE *out);
void print_contacts(const json_t *answer, FILE *out);
void print_status(const json_t *answer, FILE *out);

/* The link tacet:ID as a QR code, in half blocks, with colours that do not depend on the
 * terminal's. -1: memory is short. */
int print_qr(const char *id, FILE *out);
/* Text from someone else: control characters become '?'. */
void print_text(const char *text, FILE *out);

#endif
