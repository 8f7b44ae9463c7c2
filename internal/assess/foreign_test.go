package assess

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/inventory"
)

// What another origin built, and what came by snap or flatpak, is not spoken of by the distribution's advisories.
func TestForeign(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		p    inventory.Package
		want bool
	}{
		"own":                         {inventory.Package{Ecosystem: "Debian:12", Origin: "Debian"}, false},
		"unknown_origin":              {inventory.Package{Ecosystem: "Debian:12"}, false},
		"ubuntu_for_real_time":        {inventory.Package{Ecosystem: "Ubuntu:24.04", Origin: "UbuntuRealtimeKernel", Source: "linux-signed-realtime"}, false},
		"ubuntu_for_ros":              {inventory.Package{Ecosystem: "Ubuntu:20.04", Origin: "UbuntuROS"}, false},
		"ubuntu_for_fips":             {inventory.Package{Ecosystem: "Ubuntu:22.04", Origin: "UbuntuFIPSUpdates", Source: "openssl"}, true},
		"ubuntu_kernel_for_fips":      {inventory.Package{Ecosystem: "Ubuntu:22.04", Origin: "UbuntuFIPSUpdates", Source: "linux-signed-aws-fips"}, false},
		"a_ppa":                       {inventory.Package{Ecosystem: "Ubuntu:22.04", Origin: "LP-PPA-mozillateam"}, true},
		"a_vendors":                   {inventory.Package{Ecosystem: "Debian:12", Origin: "nginx"}, true},
		"red_hats":                    {inventory.Package{Ecosystem: "Red Hat:9", Origin: "Red Hat, Inc."}, false},
		"rpm_of_unknown_vendor":       {inventory.Package{Ecosystem: "Red Hat:9"}, false},
		"almalinux":                   {inventory.Package{Ecosystem: "AlmaLinux:9", Origin: "AlmaLinux"}, false},
		"rocky":                       {inventory.Package{Ecosystem: "Rocky Linux:9", Origin: "Rocky Enterprise Software Foundation"}, false},
		"oracle":                      {inventory.Package{Ecosystem: "Oracle Linux:8", Origin: "Oracle America"}, false},
		"mysql_is_not_oracle_linux":   {inventory.Package{Ecosystem: "Oracle Linux:8", Origin: "Oracle and/or its affiliates"}, true},
		"left_from_centos":            {inventory.Package{Ecosystem: "AlmaLinux:8", Origin: "CentOS"}, false},
		"epel":                        {inventory.Package{Ecosystem: "AlmaLinux:9", Origin: "Fedora Project"}, true},
		"remi":                        {inventory.Package{Ecosystem: "Rocky Linux:9", Origin: "Remi's RPM repository <https://rpms.remirepo.net/>"}, true},
		"mariadb's_own":               {inventory.Package{Ecosystem: "Red Hat:8", Origin: "MariaDB Foundation"}, true},
		"sle":                         {inventory.Package{Ecosystem: "SUSE:15.5", Origin: "SUSE LLC <https://www.suse.com/>"}, false},
		"leap":                        {inventory.Package{Ecosystem: "openSUSE:Leap 15.6", Origin: "openSUSE"}, false},
		"a_user_of_the_build_service": {inventory.Package{Ecosystem: "openSUSE:Leap 15.6", Origin: "obs://build.opensuse.org/home:somebody"}, true},
		"amazon":                      {inventory.Package{Ecosystem: "Amazon Linux:2023", Origin: "Amazon Linux"}, false},
		"azure":                       {inventory.Package{Ecosystem: "Azure Linux:3", Origin: "Microsoft Corporation"}, false},
		"fedora_is_not_told_apart":    {inventory.Package{Ecosystem: "Fedora:43", Origin: "RPM Fusion"}, false},
		"snap":                        {inventory.Package{Ecosystem: "Snap"}, true},
		"flatpak":                     {inventory.Package{Ecosystem: "Flatpak"}, true},
	} {
		if got := foreign(c.p); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
