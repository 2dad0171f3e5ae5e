#!/bin/sh
# Installs Visavis for you alone, below ~/.local, or for everybody with --system, below /usr/local.
#   ./install.sh [--system]
#   ./install.sh --uninstall [--system]     settings stay; they are in ~/.config/visavis
set -eu
cd "$(dirname "$0")"

id=io.github.visavis_call.Visavis
prefix=${XDG_DATA_HOME:-$HOME/.local/share}
prefix=${prefix%/share}
uninstall=no
for word in "$@"; do
    case "$word" in
        --system) prefix=/usr/local ;;
        --uninstall) uninstall=yes ;;
        *) echo "Usage: ./install.sh [--uninstall] [--system]" >&2; exit 2 ;;
    esac
done

# Everything that lies in bin/ and share/ here, under the same name there.
files() { find bin share -type f; }

# Menus and links learn of it at once where these programs are there, else at the next login.
refresh() {
    if command -v update-desktop-database >/dev/null; then update-desktop-database -q "$prefix/share/applications" || true; fi
    if command -v gtk-update-icon-cache >/dev/null; then gtk-update-icon-cache -q -t -f "$prefix/share/icons/hicolor" || true; fi
}

if [ "$uninstall" = yes ]; then
    files | while read -r file; do rm -f "$prefix/$file"; done
    # Folders that were only there for it.
    rmdir "$prefix/share/doc/visavis" 2>/dev/null || true
    refresh
    echo "Visavis is removed from $prefix."
    exit
fi

files | while read -r file; do
    mode=644
    case "$file" in bin/*) mode=755 ;; esac
    mkdir -p "$prefix/$(dirname "$file")"
    install -m "$mode" "$file" "$prefix/$file"
done
# The menu starts it by its full path: ~/.local/bin is not everywhere where programs are looked for.
# The path is in quotes, as homes have spaces; what means something to menus or to sed loses that.
program=$(printf '%s' "$prefix/bin/visavis" | sed 's/%/%%/g; s/["`$]/\\\\&/g; s/[&|\]/\\&/g')
sed "s|^Exec=visavis|Exec=\"$program\"|" "share/applications/$id.desktop" >"$prefix/share/applications/$id.desktop"
refresh
echo "Visavis is installed: it is in the menu, and $prefix/bin/visavis starts it."
case ":$PATH:" in
    *":$prefix/bin:"*) ;;
    *) echo "To type just \"visavis\", add $prefix/bin to your PATH." ;;
esac
