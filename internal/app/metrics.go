package app

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/store"
)

// collectWithin bounds what a scrape may cost.
const collectWithin = 5 * time.Second

// meters counts what the server does; it has a registry of its own, so that two servers can run in one test.
type meters struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	checkins prometheus.Counter
}

func newMeters() *meters {
	m := &meters{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "staunch_http_request_seconds", Help: "Time to answer, by operation and status class. Long polls and live views last as long as they wait.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30},
		}, []string{"operation", "status"}),
		checkins: prometheus.NewCounter(prometheus.CounterOpts{Name: "staunch_checkins_total", Help: "Check-ins accepted for processing."}),
	}
	m.registry.MustRegister(m.requests, m.checkins, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request is for api.Meters.
func (m *meters) Request(operation string, status int, d time.Duration) {
	m.requests.WithLabelValues(operation, strconv.Itoa(status/100)+"xx").Observe(d.Seconds())
}

// CheckIn is for api.Meters.
func (m *meters) CheckIn() { m.checkins.Inc() }

func (m *meters) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// fleetMeter reads the state of the fleet when it is scraped: nothing is kept twice.
type fleetMeter struct {
	overview func(context.Context, assess.Query) (apiv1.Overview, error)
	feeds    func(context.Context) ([]apiv1.FeedStatus, error)
	stats    func() store.Stats
	now      func() time.Time

	hosts, online, feedAge, feedRecords, writes, seenWrites *prometheus.Desc
}

func newFleetMeter(overview func(context.Context, assess.Query) (apiv1.Overview, error), feeds func(context.Context) ([]apiv1.FeedStatus, error), stats func() store.Stats, now func() time.Time) *fleetMeter {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("staunch_"+name, help, labels, nil)
	}
	return &fleetMeter{
		overview: overview, feeds: feeds, stats: stats, now: now,
		hosts:       desc("hosts", "Hosts of the fleet."),
		online:      desc("hosts_online", "Hosts whose long poll is open, or was within the last minute."),
		feedAge:     desc("feed_age_seconds", "Time since the feed's source last answered.", "feed"),
		feedRecords: desc("feed_records", "Records of the feed's last good import.", "feed"),
		writes:      desc("store_writes_total", "Committed write transactions, last-seen batches not counted."),
		seenWrites:  desc("store_seen_writes_total", "Committed batches of last-seen times."),
	}
}

// Describe is for prometheus.Collector.
func (f *fleetMeter) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.hosts, f.online, f.feedAge, f.feedRecords, f.writes, f.seenWrites} {
		ch <- d
	}
}

// Collect is for prometheus.Collector. What cannot be read is left out of this scrape.
func (f *fleetMeter) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectWithin)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if o, err := f.overview(ctx, assess.Query{}); err == nil {
		gauge(f.hosts, float64(o.Hosts))
		gauge(f.online, float64(o.Online))
	}
	if feeds, err := f.feeds(ctx); err == nil {
		for _, s := range feeds {
			gauge(f.feedRecords, float64(s.Records), s.Name)
			if s.AsOf != nil {
				gauge(f.feedAge, f.now().Sub(*s.AsOf).Seconds(), s.Name)
			}
		}
	}
	stats := f.stats()
	ch <- prometheus.MustNewConstMetric(f.writes, prometheus.CounterValue, float64(stats.Writes))
	ch <- prometheus.MustNewConstMetric(f.seenWrites, prometheus.CounterValue, float64(stats.SeenWrites))
}
