package inbound

import "strings"

var entities = strings.NewReplacer("&nbsp;", " ", "&lt;", "<", "&gt;", ">", "&amp;", "&", "&quot;", `"`, "&#39;", "'")

// lineTags are those that end a line of text where they open or close.
var lineTags = map[string]bool{"br": true, "/p": true, "/div": true, "/tr": true, "/li": true, "/table": true,
	"/h1": true, "/h2": true, "/h3": true, "/h4": true, "/h5": true, "/h6": true}

// plain is the text of HTML, roughly: enough to find addresses and words in. What
// has no end is text: of a script without a closing tag only the tag is left out,
// and once a search for an end has failed it is not made again, so that the whole
// is linear in what it reads.
func plain(html string) string {
	var out strings.Builder
	lower := lowerASCII(html)
	endless := map[string]bool{}
	for at := 0; at < len(html); {
		open := strings.IndexByte(html[at:], '<')
		if open < 0 {
			out.WriteString(html[at:])
			break
		}
		out.WriteString(html[at : at+open])
		at += open
		end := strings.IndexByte(html[at:], '>')
		if end < 0 {
			out.WriteString(html[at:])
			break
		}
		name := tagName(lower[at+1 : at+end])
		at += end + 1
		if (name == "script" || name == "style") && !endless[name] {
			closing := strings.Index(lower[at:], "</"+name)
			endless[name] = closing < 0
			at += max(closing, 0) // the closing tag itself is the next to be read
		}
		if lineTags[name] {
			out.WriteByte('\n')
		} else {
			out.WriteByte(' ')
		}
	}
	return entities.Replace(out.String())
}

// tagName is the name that a tag begins with, with the slash of a closing one.
func tagName(tag string) string {
	end := 0
	for end < len(tag) && (end == 0 && tag[0] == '/' || 'a' <= tag[end] && tag[end] <= 'z' || '0' <= tag[end] && tag[end] <= '9') {
		end++
	}
	return tag[:end]
}

// lowerASCII keeps every byte where it is, as strings.ToLower does not.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
