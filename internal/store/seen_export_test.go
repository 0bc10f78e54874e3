package store

// NamesQuery is the search for the names in a table, for a test of its plan.
func NamesQuery(table string) string { return namesQuery(table) }

// SeenQueries are the searches for the latest of a name.
func SeenQueries() []string {
	return []string{latestEventsQuery("events"), latestEventsQuery("catalogue_events"), latestValuesQuery}
}
