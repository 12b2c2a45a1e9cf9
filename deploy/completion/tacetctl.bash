# Completion of tacetctl(1) for bash: tacetctl itself says what can follow.
_tacetctl() {
	local line
	COMPREPLY=()
	while IFS= read -r line; do
		# What contacts call themselves is quoted.
		COMPREPLY+=("$(printf %q "$line")")
	done < <("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
}
complete -o default -F _tacetctl tacetctl
