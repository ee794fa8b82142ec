// The live map: asks for the vehicles every five seconds and moves their markers.
(() => {
  "use strict";
  const EVERY_MS = 5000;
  const COLOURS = {
    occupied: "#7c3aed", free: "#059669", charging: "#0284c7", low: "#dc2626", offline: "#9ca3af",
  };
  const STREETS = {
    motorway: { weight: 5, color: "#e0c38c" }, main: { weight: 3, color: "#ffffff" },
    street: { weight: 1.5, color: "#ffffff" },
  };
  const AREAS = {
    water: { fillColor: "#b9d7ea", fillOpacity: 1, stroke: false },
    park: { fillColor: "#cfe3c1", fillOpacity: 1, stroke: false },
  };
  const element = document.getElementById("map");
  const state = document.getElementById("map-state");
  const map = L.map(element, { attributionControl: false, preferCanvas: true, zoomSnap: 0.25 }).setView([0, 0], 2);
  new ResizeObserver(() => map.invalidateSize()).observe(element);
  const onClock = new Intl.DateTimeFormat("en-GB", {
    timeZone: element.dataset.zone, hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const markers = new Map();
  let placed = false;

  async function drawGround(url) {
    if (!url) return;
    const ground = await (await fetch(url)).json();
    L.geoJSON(ground, {
      interactive: false,
      style: ({ properties }) => AREAS[properties.kind] || STREETS[properties.kind],
    }).addTo(map);
  }

  function kind(vehicle) {
    if (vehicle.offline) return "offline";
    if (vehicle.charging !== "none") return "charging";
    if (vehicle.low) return "low";
    return vehicle.occupied ? "occupied" : "free";
  }

  // An element, not a string: Leaflet would read a string as HTML.
  function named(vehicle) {
    const name = document.createElement("span");
    name.textContent = vehicle.label;
    return name;
  }

  function popup(vehicle) {
    const box = document.createElement("div");
    const link = document.createElement("a");
    link.href = vehicle.url;
    link.textContent = vehicle.label;
    box.append(link);
    const facts = [
      vehicle.soc_pct === null ? null : `${Math.round(vehicle.soc_pct)} %`,
      vehicle.speed_kmh === null ? null : `${Math.round(vehicle.speed_kmh)} km/h`,
      vehicle.status,
    ].filter(Boolean);
    box.append(document.createElement("br"), facts.join(" · "));
    if (vehicle.driver) box.append(document.createElement("br"), vehicle.driver);
    if (vehicle.seen_at) {
      box.append(document.createElement("br"), `last seen ${onClock.format(new Date(vehicle.seen_at))}`);
    }
    return box;
  }

  function show(vehicles) {
    const counts = { occupied: 0, free: 0, charging: 0, low: 0, offline: 0 };
    const seen = new Set();
    for (const vehicle of vehicles) {
      const what = kind(vehicle);
      counts[what] += 1;
      seen.add(vehicle.id);
      let marker = markers.get(vehicle.id);
      if (!marker) {
        marker = L.circleMarker(vehicle.at, { radius: 7, weight: 2, color: "#fff", fillOpacity: 1 });
        marker.addTo(map).bindPopup(() => popup(marker.vehicle)).bindTooltip(() => named(marker.vehicle));
        markers.set(vehicle.id, marker);
      }
      marker.vehicle = vehicle;
      marker.setLatLng(vehicle.at).setStyle({ fillColor: COLOURS[what] });
    }
    for (const [id, marker] of markers) {
      if (!seen.has(id)) { marker.remove(); markers.delete(id); }
    }
    for (const [what, count] of Object.entries(counts)) {
      document.getElementById(`count-${what}`).textContent = count;
    }
    if (!placed && vehicles.length) {
      map.fitBounds(L.latLngBounds(vehicles.map((vehicle) => vehicle.at)).pad(0.02));
      placed = true;
    }
  }

  async function refresh() {
    try {
      const answer = await fetch(element.dataset.vehicles, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      show((await answer.json()).vehicles);
      state.textContent = `${onClock.format(new Date())}, ${element.dataset.clock}`;
    } catch (error) {
      state.textContent = `No connection (${error.message})`;
    }
    setTimeout(refresh, EVERY_MS);
  }

  drawGround(element.dataset.ground).catch(() => {}).then(refresh);
})();
