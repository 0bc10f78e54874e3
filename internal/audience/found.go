package audience

// Found are the values that a condition on a property looks at: those at the
// dotted path in an object, as encoding/json decodes one, of which there are
// several where a list of objects is on the way. A null is none.
func Found(object map[string]any, path string) []any {
	keys, ok := keysOf(path)
	if !ok {
		return nil
	}
	var out []any
	for _, v := range dig(object, keys) {
		if v != nil {
			out = append(out, v)
		}
	}
	return out
}
