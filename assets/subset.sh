#!/usr/bin/env bash
# Makes the fonts and the icon font of this folder from their published packages, cut down to what Visavis shows.
# Needs npm, and python3 with fonttools and brotli (python3 -m pip install fonttools brotli). Run it after adding an icon.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { (cd "$work" && npm pack --silent "$1" | tail -1 | xargs -I{} sh -c "mkdir -p $2 && tar xzf {} -C $2"); }
fetch inter-ui@4.1.1 inter
fetch @phosphor-icons/web@2.1.2 phosphor
fetch @fontsource/jetbrains-mono@5.3.0 mono

# Latin, Greek, Cyrillic (with the supplements that European and Vietnamese names need), punctuation, currency, arrows.
letters="U+0020-024F,U+0259,U+02B0-02FF,U+0300-036F,U+0370-03FF,U+0400-04FF,U+1E00-1EFF,U+2000-206F,U+20A0-20BF,U+2100-214F,U+2190-2193,U+2212,U+2318,U+FFFD"
for face in Inter-Regular Inter-Medium Inter-SemiBold; do
    pyftsubset --flavor=none --no-hinting "$work/inter/package/web/$face.woff2" --unicodes="$letters" --layout-features=kern,mark,mkmk,ccmp --output-file="fonts/$face.ttf"
done
pyftsubset --flavor=none --no-hinting "$work/inter/package/display/InterDisplay-SemiBold.woff2" --unicodes="$letters" --layout-features=kern,mark,mkmk,ccmp --output-file=fonts/InterDisplay-SemiBold.ttf
cp "$work/inter/package/LICENSE.txt" fonts/Inter-LICENSE.txt

# Times, numbers and callback names only: Latin 1.
for face in 400:Regular 600:SemiBold; do
    pyftsubset --flavor=none --no-hinting "$work/mono/package/files/jetbrains-mono-latin-${face%%:*}-normal.woff2" --unicodes='*' --layout-features='' --output-file="fonts/JetBrainsMono-${face##*:}.ttf"
done
cp "$work/mono/package/LICENSE" fonts/JetBrainsMono-LICENSE.txt

# The icons named in src/ui/icons.rs, by their code points there.
points=$(grep -oE '\\u\{[0-9a-f]{4}\}' ../src/ui/icons.rs | sort -u | sed -E 's/\\u\{(.*)\}/U+\1/' | paste -sd,)
for face in regular/Phosphor fill/Phosphor-Fill bold/Phosphor-Bold; do
    pyftsubset --flavor=none "$work/phosphor/package/src/$face.ttf" --unicodes="$points" --layout-features='' --output-file="icons/$(basename "$face").ttf"
done
cp "$work/phosphor/package/LICENSE" icons/Phosphor-LICENSE.txt
