package campaign

// StandardAttributes are those that customers have without anybody's declaring them,
// with their kinds.
func StandardAttributes() map[string]Kind {
	return map[string]Kind{
		"first_name": Text, "last_name": Text, "email": Text,
		"locale": Text, "timezone": Text, "country": Text,
		"created_at": Time,
	}
}
