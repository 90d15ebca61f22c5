#!/usr/bin/env bash
# Runs every instruction of the Dockerfile in a temporary folder, with a virtual environment of this machine's
# Python in place of the base image; then starts the result as its user, asks its health, and stops it.
# For machines without a container engine. PYTHON names the interpreter (default: python3.11).
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(command -v "${PYTHON:-python3.11}")
root=$(mktemp -d)
service=
trap '[ -z "$service" ] || kill "$service" 2>/dev/null; rm -rf "$root"' EXIT
# The image's user must get through it.
chmod 755 "$root"
mkdir -p "$root"/{context,base,opt}
ln -s "$python" "$root/base/python"

# Only root can be another user.
if [ "$(id -u)" = 0 ]; then owner=10001; else owner=$(id -u); fi

# The text of an instruction with the image's paths and user turned into ours.
here() {
  sed -e "s#/opt/audio-tools#$root/opt/audio-tools#g" -e "s#/data\b#$root/data#g" \
    -e "s#-o 10001 -g 10001#-o $owner -g $(id -g "$owner" 2>/dev/null || echo "$owner")#" <<< "$1"
}

words_of() { # the words of ["a", "b"], one a line
  "$python" -c 'import json, sys; print(*json.loads(sys.argv[1]), sep="\n")' "$1"
}

# Each exec's the next, so that a signal to the command reaches the program itself.
set_commands() {
  in_image=(env -i "PATH=$root/base:/usr/bin:/bin" "${environment[@]}")
  as_user=("${in_image[@]}")
  [ "$(id -u)" != 0 ] || as_user+=(setpriv --reuid "$owner" --regid "$owner" --clear-groups)
}

# What .dockerignore lets through.
while read -r kept; do
  cp -r --parents "$kept" "$root/context"
done < <(sed -n 's/^!//p' .dockerignore)
find "$root/context" -name __pycache__ -prune -exec rm -r {} +

environment=() health=() entrypoint=() command=()
folder=$root
while read -r instruction arguments; do
  echo "== $instruction $arguments"
  arguments=$(here "$arguments")
  case $instruction in
    FROM) environment=() folder=$root ;;
    ENV) for pair in $arguments; do environment+=("${pair//\$PATH/$root/base:/usr/bin:/bin}"); done ;;
    WORKDIR) folder=$root$arguments && mkdir -p "$folder" ;;
    RUN) set_commands && (cd "$folder" && "${in_image[@]}" sh -c "$arguments") ;;
    COPY)
      read -ra sources <<< "$arguments"
      target=${sources[-1]} && unset 'sources[-1]'
      if [[ ${sources[0]} == --from=* ]]; then
        # Both stages share one tree here: it is there already.
        [ "${sources[1]}" = "$target" ] && [ -d "$target" ]
      else
        case $target in */) mkdir -p "$folder/$target" ;; esac
        (cd "$root/context" && cp -r "${sources[@]}" "$folder/$target")
      fi ;;
    HEALTHCHECK) mapfile -t health < <(words_of "${arguments#*CMD }") ;;
    ENTRYPOINT) mapfile -t entrypoint < <(words_of "$arguments") ;;
    CMD) mapfile -t command < <(words_of "$arguments") ;;
    USER | VOLUME | EXPOSE) ;;
    *) echo "rehearse.sh does not know $instruction" >&2 && exit 1 ;;
  esac
done < <(grep -v '^\s*\(#\|$\)' Dockerfile)

echo "== without API_TOKEN it must not start"
environment+=("PORT=0" "WS_PORT=0") && set_commands
code=0
said=$("${as_user[@]}" "${entrypoint[@]}" "${command[@]}" 2>&1) || code=$?
echo "$said"
[[ $code = 2 && $said = *API_TOKEN* ]]

echo "== as user $owner, with API_TOKEN"
read -r port ws_port < <("$python" -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in "12"]
print(*(one.getsockname()[1] for one in sockets))')
environment+=("PORT=$port" "WS_PORT=$ws_port" "API_TOKEN=a-token-for-this-run" "OPENAI_API_KEY=sk-none")
environment+=("MIN_FREE_BYTES=0") && set_commands
"${as_user[@]}" "${entrypoint[@]}" "${command[@]}" &
service=$!
for attempt in $(seq 60); do
  if "${as_user[@]}" "${health[@]}" 2>/dev/null; then break; fi
  kill -0 "$service" && sleep 1
done
"${as_user[@]}" "${health[@]}"
echo "healthy at attempt $attempt"
"${as_user[@]}" "${entrypoint[@]}" jobs --server "http://127.0.0.1:$port"
kill "$service"
wait "$service"
service=
echo "stopped with exit code 0; $(du -sm "$root/opt/audio-tools" | cut -f1) MB in /opt/audio-tools"
