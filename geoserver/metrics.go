package main

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wangge/geoserver/live"
	"wangge/tiles"
)

// metrics are the server's figures for Prometheus. They are about the server, never about places.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	// observers are those of requests, found without their labels being put together anew: answered → prometheus.Observer
	observers sync.Map
}

func newMetrics(view *live.View) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "wangge_http_request_seconds", Help: "Time to answer, by route and status.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}}, []string{"route", "status"})
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &viewCollector{view: view})
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) observe(route string, status int, took time.Duration) {
	key := answered{route, status}
	o, ok := m.observers.Load(key)
	if !ok {
		o, _ = m.observers.LoadOrStore(key, m.requests.WithLabelValues(route, strconv.Itoa(status)))
	}
	o.(prometheus.Observer).Observe(took.Seconds())
}

// answered is what requests are counted by.
type answered struct {
	route  string
	status int
}

// viewCollector reads the view when Prometheus asks.
type viewCollector struct{ view *live.View }

func (c *viewCollector) desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("wangge_"+name, help, labels, nil)
}

// Describe sends nothing: what there is depends on what is loaded.
func (c *viewCollector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the layers' sizes and whether the store can be followed.
func (c *viewCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	set := c.view.Tiles()
	for _, l := range tiles.Layers() {
		if s, ok := set.Snapshot(l.Name); ok {
			gauge(c.desc("layer_features", "Features a layer holds in memory.", "layer"), float64(s.Features()), l.Name)
			gauge(c.desc("layer_bytes", "Memory a layer takes.", "layer"), float64(s.Bytes()), l.Name)
		}
	}
	if cube := set.Cube(); cube != nil { // of casework what is told, and no more
		gauge(c.desc("layer_features", "Features a layer holds in memory.", "layer"), float64(cube.Told()), tiles.Heat)
		gauge(c.desc("layer_bytes", "Memory a layer takes.", "layer"), float64(cube.Bytes()), tiles.Heat)
	}
	usage := set.Usage()
	gauge(c.desc("tile_cache_tiles", "Tiles kept in memory."), float64(usage.Tiles))
	gauge(c.desc("tile_cache_bytes", "Memory that kept tiles take."), float64(usage.Bytes))
	counter := func(name, help string, v uint64) {
		ch <- prometheus.MustNewConstMetric(c.desc(name, help), prometheus.CounterValue, float64(v))
	}
	counter("tile_cache_hits_total", "Tiles found in memory.", usage.Hits)
	counter("tile_cache_misses_total", "Tiles not found in memory.", usage.Misses)
	gauge(c.desc("event_streams", "Open event streams."), float64(c.view.Readers()))
	stale := 0.0
	if _, _, away := c.view.StaleSince(); away {
		stale = 1
	}
	gauge(c.desc("stale", "1 while the store cannot be followed and the last look is served."), stale)
	for _, l := range tiles.Layers() {
		faulty := 0.0
		if _, stale := c.view.StaleLayers([]string{l.Name}); stale {
			faulty = 1
		}
		gauge(c.desc("layer_stale", "1 while a layer could not be loaded and shows what it showed before.", "layer"), faulty, l.Name)
	}
	if st := c.view.State(); st != nil {
		for subject, v := range st.Versions.Of {
			gauge(c.desc("version", "Version of a subject that is served.", "subject"), float64(v), string(subject))
		}
	}
}
