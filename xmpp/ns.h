/*
 * ns.h: the XML namespaces that the server knows.
 */
#ifndef XMPP_NS_H
#define XMPP_NS_H

/* RFC 6120, 6121, 3921 */
#define NS_STREAMS       "http://etherx.jabber.org/streams"
#define NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"
#define NS_CLIENT        "jabber:client"
#define NS_SERVER        "jabber:server"
#define NS_TLS           "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL          "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_BIND          "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_STANZAS       "urn:ietf:params:xml:ns:xmpp-stanzas"
#define NS_SESSION       "urn:ietf:params:xml:ns:xmpp-session"
#define NS_ROSTER        "jabber:iq:roster"
#define NS_ROSTER_VER    "urn:xmpp:features:rosterver"
/* XEP-0363 */
#define NS_UPLOAD "urn:xmpp:http:upload:0"
/* RFC 7395 */
#define NS_FRAMING "urn:ietf:params:xml:ns:xmpp-framing"
/* XEP-0352, 0478 */
#define NS_CSI    "urn:xmpp:csi:0"
#define NS_LIMITS "urn:xmpp:stream-limits:0"
/* XEP-0388, 0386, 0484 */
#define NS_SASL2 "urn:xmpp:sasl:2"
#define NS_BIND2 "urn:xmpp:bind:0"
#define NS_FAST  "urn:xmpp:fast:0"
/* XEP-0440 */
#define NS_CHANNEL_BINDING "urn:xmpp:sasl-cb:0"
/* XEP-0012, 0030, 0092, 0199, 0202 */
#define NS_LAST        "jabber:iq:last"
#define NS_DISCO_INFO  "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_VERSION     "jabber:iq:version"
#define NS_PING        "urn:xmpp:ping"
#define NS_TIME        "urn:xmpp:time"
/* XEP-0004, 0050, 0221, 0231 */
#define NS_FORM     "jabber:x:data"
#define NS_COMMANDS "http://jabber.org/protocol/commands"
#define NS_MEDIA    "urn:xmpp:media-element"
#define NS_BOB      "urn:xmpp:bob"
/* XEP-0049, 0054 */
#define NS_PRIVATE "jabber:iq:private"
#define NS_VCARD   "vcard-temp"
/* XEP-0060, 0115, 0153, 0084, 0398 */
#define NS_PUBSUB          "http://jabber.org/protocol/pubsub"
#define NS_PUBSUB_ERRORS   NS_PUBSUB "#errors"
#define NS_PUBSUB_EVENT    NS_PUBSUB "#event"
#define NS_PUBSUB_OWNER    NS_PUBSUB "#owner"
#define NS_CAPS            "http://jabber.org/protocol/caps"
#define NS_VCARD_UPDATE    "vcard-temp:x:update"
#define NS_AVATAR_DATA     "urn:xmpp:avatar:data"
#define NS_AVATAR_METADATA "urn:xmpp:avatar:metadata"
#define NS_PEP_VCARD       "urn:xmpp:pep-vcard-conversion:0"
/* XEP-0402, XEP-0411 */
#define NS_BOOKMARKS            "urn:xmpp:bookmarks:1"
#define NS_BOOKMARKS_CONVERSION "urn:xmpp:bookmarks-conversion:0"
/* XEP-0077 */
#define NS_REGISTER         "jabber:iq:register"
#define NS_REGISTER_FEATURE "http://jabber.org/features/iq-register"
/* XEP-0172 */
#define NS_NICK "http://jabber.org/protocol/nick"
/* XEP-0186 */
#define NS_INVISIBLE "urn:xmpp:invisible:1"
/* XEP-0191 */
#define NS_BLOCKING        "urn:xmpp:blocking"
#define NS_BLOCKING_ERRORS "urn:xmpp:blocking:errors"
/* XEP-0280, 0297, 0334 */
#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_HINTS   "urn:xmpp:hints"
/* XEP-0198, 0203 */
#define NS_SM    "urn:xmpp:sm:3"
#define NS_DELAY "urn:xmpp:delay"
/* XEP-0059, 0313, 0441 */
#define NS_RSM          "http://jabber.org/protocol/rsm"
#define NS_MAM          "urn:xmpp:mam:2"
#define NS_MAM_EXTENDED "urn:xmpp:mam:2#extended"
/* XEP-0359 */
#define NS_STANZA_ID "urn:xmpp:sid:0"
/* XEP-0085, 0184, 0333: what contacts may be asked for */
#define NS_CHATSTATES "http://jabber.org/protocol/chatstates"
#define NS_RECEIPTS   "urn:xmpp:receipts"
#define NS_MARKERS    "urn:xmpp:chat-markers:0"

#endif
