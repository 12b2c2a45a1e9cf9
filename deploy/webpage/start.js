// Start Converse.js at the tacetd that has served this page. It asks nobody else for anything: the
// policy that tacetd sends with the page would not let it, and these settings say so as well.
converse.initialize({
	websocket_url: `ws://${location.host}/xmpp-websocket`,
	discover_connection_methods: false,
	locked_domain: "localhost",
	registration_domain: "localhost",
	view_mode: "fullscreen",
	assets_path: "dist/",
	// Nothing is kept in the browser after the end of the session.
	clear_cache_on_logout: true,
	persistent_store: "sessionStorage",
	allow_user_trust_override: "off",
	reuse_scram_keys: false,
	// Pictures that messages point to would be fetched without Tor.
	render_media: false,
	fetch_url_headers: false,
	embed_3rd_party_media_players: false,
	autocomplete_providers_url: "",
	providers_link: "",
	allow_message_retraction: "own",
	auto_reconnect: true,
	enable_smacks: true,
	play_sounds: false,
	loglevel: "warn",
});
