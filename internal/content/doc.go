// Package content reads a workspace (tidings.yaml, campaigns, segments,
// templates) into an immutable campaign.Catalog, and writes a new one to start
// from.
//
// It is strict and complete: whatever is wrong in any file is found in one run,
// each with its file, line and column. A file goes through three stages, kept
// apart: decoding turns YAML nodes into domain types and notes where each name
// stands; defaulting fills in what was not written; validating looks at the
// whole workspace, when every name in it is known.
package content
