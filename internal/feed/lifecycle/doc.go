// Package lifecycle reads how long releases of products are looked after: endoflife.date for all products, distro-info for Debian and
// Ubuntu. Both name products and releases as endoflife.date does. It must not know which source counts where both speak, nor what day it
// is: advisory.MergeLifecycles and advisory.Lifecycle.StateAt do.
package lifecycle
