// Package rpm knows what an installed rpm is: it asks the host's own rpm for all of them in one bounded query, and makes packages of the
// tags of their headers, wherever those were read. It never changes rpm's database. Reading the database's file without rpm is rpmdb's.
package rpm
