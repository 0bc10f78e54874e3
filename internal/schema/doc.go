// Package schema writes the JSON Schemas of the workspace's files, with which an
// editor completes keys, explains them and marks mistakes while they are typed.
// They say what one file can tell by itself; what lies between files, such as a
// segment that does not exist, is for `tidings check`, which knows all of it.
package schema
