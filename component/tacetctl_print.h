/*
 * tacetctl_print.h: tacetd's answers for people: lists, ids with QR code, the status.
 *
 * Names and status texts come from contacts: what could steer a terminal is replaced.
 */
#ifndef COMPONENT_TACETCTL_PRINT_H
#define COMPONENT_TACETCTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Each takes the whole answer to its command. */
void print_account_added(const json_t *answer, FILE *out);
void print_bot(const json_t *answer, FILE *out);
void print_accounts(const json_t *answer, FILE *out);
void print_id(const json_t *answer, FILE *out);
void print_contact_added(const json_t *answer, FILE *out);
void print_contact_table(const json_t *answer, FILE *out);
void print_contacts(const json_t *answer, FILE *out);
void print_link(const json_t *answer, FILE *out);
void print_invitations(const json_t *answer, FILE *out);
void print_introduced(const json_t *answer, FILE *out);
void print_requests(const json_t *answer, FILE *out);
void print_accepted(const json_t *answer, FILE *out);
void print_blocked(const json_t *answer, FILE *out);
void print_verification(const json_t *answer, FILE *out);
void print_mode(const json_t *answer, FILE *out);
void print_outbox(const json_t *answer, FILE *out);
void print_cancelled(const json_t *answer, FILE *out);
void print_archive(const json_t *answer, FILE *out);
void print_erased(const json_t *answer, FILE *out);
void print_answers(const json_t *answer, FILE *out);
void print_cover(const json_t *answer, FILE *out);
void print_shown(const json_t *answer, FILE *out);
void print_status(const json_t *answer, FILE *out);

/* The id or the link of an answer as a QR code, in half blocks, with colours that do not depend on
 * the terminal's. -1: there is none, or memory is short. */
int print_code(const json_t *answer, FILE *out);
/* From here on in this colour. All that is printed for people is made so, and printed by
 * print_out, which leaves the colours out where they would be in the way. */
enum colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_WARN, COLOUR_BAD, COLOUR_FAINT };
void print_colour(FILE *out, enum colour colour);
/* Are colours wanted on this stream? On a terminal, unless NO_COLOR is set (no-color.org). */
bool print_coloured(FILE *out);
void print_out(const char *text, bool coloured, FILE *out);

/* A member of an answer: "" or 0 when it is missing. */
const char *print_member(const json_t *object, const char *key);
int64_t print_number(const json_t *object, const char *key);
void print_moment(int64_t unix_ms, FILE *out);
/* Text from someone else: control characters become '?'. */
void print_text(const char *text, FILE *out);

#endif
