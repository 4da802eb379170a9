# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What scripts/demo is made of: programs started and led, steps shown and checked.
# Nothing here waits for time to pass: who is waited for says when it is ready.

dir=$(mktemp -d "${TMPDIR:-/tmp}/smmu-demo.XXXXXX")
declare -A pid to from # of each program by its name; to and from a driver
checks=0
answer=

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; fi

# Ends what was started here, and nothing else; the board last.
cleanup() {
	local name board=${pid[board]:-}
	set +e
	unset 'pid[board]'
	for name in "${!pid[@]}"; do kill "${pid[$name]}"; done 2>/dev/null
	[ -z "$board" ] || kill "$board" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
	printf 'demo: FAILED: %s\n' "$1" >&2
	local log
	for log in "$dir"/*.log; do
		[ -s "$log" ] || continue
		printf -- '--- the last lines of %s\n' "${log##*/}" >&2
		tail -n 15 "$log" >&2
	done
	exit 1
}

# run NAME PROGRAM ARGUMENT...: in the background, until it says that it is ready.
run() {
	local name=$1 word
	shift
	rm -f "$dir/$name.ready"
	mkfifo "$dir/$name.ready"
	"$@" --ready-fd 9 9>"$dir/$name.ready" >>"$dir/$name.log" 2>&1 </dev/null &
	pid[$name]=$!
	read -r word <"$dir/$name.ready" || fail "$name did not start"
	[ "$word" = ready ] || fail "$name said '$word' instead of ready"
}

# kill_hard NAME: SIGKILL, and it is gone when this returns.
kill_hard() {
	{ kill -KILL "${pid[$1]}" && wait "${pid[$1]}"; } 2>/dev/null || true
	unset "pid[$1]"
}

# driver NAME DEVICE: an edu-driver that takes orders.
driver() {
	local name=$1 in out
	mkfifo "$dir/$name.in" "$dir/$name.out"
	"$O/edu-driver" --interactive --device "$2" <"$dir/$name.in" >"$dir/$name.out" \
		2>>"$dir/$name.log" &
	pid[$name]=$!
	exec {in}>"$dir/$name.in" {out}<"$dir/$name.out"
	to[$name]=$in from[$name]=$out
}

# tell NAME ORDER...: hands an order over; hear NAME: takes the answer, in $answer.
tell() {
	local name=$1
	shift
	printf '%s\n' "$*" >&"${to[$name]}"
	order="$*"
}

hear() {
	read -r -t 20 answer <&"${from[$1]}" || fail "driver $1 did not answer '$order'"
	[ "${answer%% *}" = ok ] || fail "driver $1, asked to '$order', answered: $answer"
}

ask() {
	tell "$@"
	hear "$1"
}

# same NAME BUFFER OFFSET LENGTH BYTE: looks at the bytes in memory.
same() {
	ask "$1" check "$2" "$3" "$4" "$5"
	checks=$((checks + 1))
	[ "$answer" = 'ok same' ] && return
	ask "$1" dump "$2" "$3" 16
	fail "buffer $2 of driver $1 should hold $5 from $3 on, but holds ${answer#ok }"
}

step() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
say() { printf '   %s\n' "$1"; }

# arrived NAME BUFFER OFFSET LENGTH BYTE WORDS: the bytes are there.
arrived() {
	same "$1" "$2" "$3" "$4" "$5"
	printf '   %-58s arrived\n' "$6"
}

# unchanged NAME BUFFER OFFSET LENGTH BYTE WORDS: the bytes are as they were.
unchanged() {
	same "$1" "$2" "$3" "$4" "$5"
	printf '   %-58s unchanged\n' "$6"
}

# refused NAME WORDS: the service tells driver NAME of one refusal since it last asked.
refused() {
	local access where count reason record rest
	ask "$1" faults
	rest=${answer#*; }
	case ${answer%%;*} in
	'ok 1') ;;
	# One that drops records leaves a gap, and a second record behind it, when it was read in between.
	'ok 2' | 'ok 3') [ -n "${drops_records:-}" ] || fail "'$2' should be refused once, but: $answer" ;;
	*) fail "'$2' should be refused, but: $answer" ;;
	esac
	printf '   %-58s REFUSED\n' "$2"
	while [ -n "$rest" ]; do
		record=${rest%%; *}
		[ "$rest" = "$record" ] && rest= || rest=${rest#*; }
		read -r access where count reason <<<"$record"
		[ "$count" != x1 ] || where=${where%-*} count=
		printf '      %s (%s)\n' "$reason" "$access $where${count:+ $count}"
		# Of a unit that does not tell the access, the log says so.
		printf '%s %s %s\n' "${access/access/unknown}" "${where/-/..}" "$count" >>"$dir/refused"
	done
}

# until_state DEVICE STATE: "smmuctl devices" shows it soon.
until_state() {
	local state i
	for ((i = 0; i < 2000; i++)); do
		state=$("$O/smmuctl" devices | awk -v device="$1" '$1 == device { print $5 }')
		[ "$state" != "$2" ] || return 0
	done
	fail "device $1 is $state instead of $2"
}

# all_listed FILE: the fault log in FILE begins with every refusal there was. Between them
# it may tell what the unit lost: that one kind has a single record, and another 256.
all_listed() {
	awk '$2 ~ /^[0-9]+:[0-9:.]+$/ && $4 != "LOST" {
			if ($NF ~ /^x/) print $(NF - 2), $(NF - 1), $NF
			else print $(NF - 1), $NF, "" }' "$1" |
		head -n "$(wc -l <"$dir/refused")" | cmp -s - "$dir/refused" ||
		fail 'the fault log does not list what was refused'
}
