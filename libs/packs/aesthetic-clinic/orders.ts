import { ordersOf } from '../bookings/bookings.ts';

export const orders = ordersOf({
  people: 'clients',
  providers: 'providers',
  services: 'services',
  whom: 'client',
});
