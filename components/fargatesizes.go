package components

import "slices"

// fargateSize is a CPU value and the memory Fargate offers with it, from least to
// most in equal steps. Source: Amazon ECS developer guide, "Task CPU and memory".
type fargateSize struct {
	cpu, leastMiB, mostMiB, stepMiB int
}

var fargateSizes = []fargateSize{
	{256, 512, 2048, 512}, // but not 1536
	{512, 1024, 4096, 1024},
	{1024, 2048, 8192, 1024},
	{2048, 4096, 16384, 1024},
	{4096, 8192, 30720, 1024},
	{8192, 16384, 61440, 4096},
	{16384, 32768, 122880, 8192},
}

// findFargateSize returns the size for a CPU value.
func findFargateSize(cpu int) (fargateSize, bool) {
	i := slices.IndexFunc(fargateSizes, func(s fargateSize) bool { return s.cpu == cpu })
	if i < 0 {
		return fargateSize{}, false
	}
	return fargateSizes[i], true
}

func (s fargateSize) offers(memoryMiB int) bool {
	if s.cpu == 256 && memoryMiB == 1536 {
		return false
	}
	return memoryMiB >= s.leastMiB && memoryMiB <= s.mostMiB && memoryMiB%s.stepMiB == 0
}

// leastMemoryMiB is the least memory for a CPU value, 0 for a CPU value that
// Fargate does not have.
func leastMemoryMiB(cpu int) int {
	size, _ := findFargateSize(cpu)
	return size.leastMiB
}
