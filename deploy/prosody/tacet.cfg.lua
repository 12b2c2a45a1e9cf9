-- tacetd as a component of Prosody 0.12: put into /etc/prosody/conf.avail/tacet.cfg.lua, with a link
-- in conf.d/. Three things to change: the two domains and the secret.
--
-- In tacetd.conf(5): component-domain = tacet.chat.example, and component-secret-file with the secret.
--
-- mod_privilege comes with the package prosody-modules. "chat.example" is a host that Prosody
-- serves already: the lines after VirtualHost belong into its own section.

VirtualHost "chat.example"
	modules_enabled = { "privilege" }
	-- Contacts appear in the rosters of those who have registered, by name; messages that a user
	-- has sent elsewhere are seen; who is online is known when the component comes back.
	privileged_entities = {
		["tacet.chat.example"] = { roster = "both", message = "outgoing", presence = "roster" };
	}

-- The component. It connects to component_ports (5347) of component_interfaces: loopback, unless
-- you have changed that.
Component "tacet.chat.example"
	component_secret = "change this: openssl rand -hex 32"
	-- Here as well: it is this one that tells the component what it may.
	modules_enabled = { "privilege" }
	-- Nobody from other servers: an identity belongs to a user of this one.
	modules_disabled = { "s2s" }
