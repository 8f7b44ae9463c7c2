// Package dpkg reads the dpkg database as files: the status file, the journal of an interrupted run on top of it, and the status.d
// folder of images built without dpkg. It also owns the streaming reader of the deb822 format, which apt's lists and sources share.
//
// It never runs dpkg-query, takes no lock and writes nothing. It must not know apt, sections or servers.
package dpkg
