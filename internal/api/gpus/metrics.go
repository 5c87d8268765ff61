package gpus

import (
	"context"
	"strconv"

	"sensevoice/internal/gpu"
	"sensevoice/internal/metrics"
)

// Watch adds the GPUs' numbers to the metrics. A machine without GPUs has none.
func (s *Service) Watch(m *metrics.Metrics) {
	labels := []string{"index", "uuid", "name"}
	add := func(name, help string, value func(gpu.Device) (x float64, known bool)) {
		m.Gauges(name, help, labels, func() []metrics.Sample {
			var samples []metrics.Sample
			for _, d := range s.snapshot(context.Background()).Devices {
				if x, known := value(d); known {
					samples = append(samples, metrics.Sample{Values: []string{strconv.Itoa(d.Index), d.UUID, d.Name}, Number: x})
				}
			}
			return samples
		})
	}
	bytes := func(read func(gpu.Device) uint64) func(gpu.Device) (float64, bool) {
		return func(d gpu.Device) (float64, bool) { return float64(read(d)), d.Total > 0 }
	}
	optional := func(read func(gpu.Device) *int) func(gpu.Device) (float64, bool) {
		return func(d gpu.Device) (float64, bool) {
			if v := read(d); v != nil {
				return float64(*v), true
			}
			return 0, false
		}
	}
	add("gpu_memory_total_bytes", "Memory of a GPU.", bytes(func(d gpu.Device) uint64 { return d.Total }))
	add("gpu_memory_free_bytes", "Memory of a GPU that nobody holds.", bytes(func(d gpu.Device) uint64 { return d.Free }))
	add("gpu_memory_used_bytes", "Memory of a GPU that processes hold, this one's and others'.", bytes(func(d gpu.Device) uint64 { return d.Used }))
	add("gpu_utilisation_percent", "How busy a GPU was lately.", optional(func(d gpu.Device) *int { return d.Utilisation }))
	add("gpu_temperature_celsius", "Temperature of a GPU.", optional(func(d gpu.Device) *int { return d.Temperature }))
}
